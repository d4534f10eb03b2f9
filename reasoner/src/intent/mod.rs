//! Understanding a goal's sentence without a model.
