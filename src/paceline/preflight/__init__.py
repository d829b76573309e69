"""Everything that can be checked before the model is loaded. Prints nothing."""
