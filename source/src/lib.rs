//! The state of the files: a goal’s repository, its commits, merges and bundles.
