"""Analysis as a process: ``python -m headroom_analysis``."""

from headroom_analysis.app import AnalysisSettings, build
from headroom_common.service import main

if __name__ == "__main__":
    main(build, AnalysisSettings)
