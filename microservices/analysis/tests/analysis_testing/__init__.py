"""What the tests of the analysis service share: worlds to fold, and the naive oracle of the fold."""
