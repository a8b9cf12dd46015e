"""Analysis as a process: ``python -m headroom_analysis``; with ``migrate`` it looks after its tables."""

from headroom_analysis.app import AnalysisSettings, build, migrate
from headroom_common.service import main

if __name__ == "__main__":
    main(build, AnalysisSettings, {"migrate": migrate})
