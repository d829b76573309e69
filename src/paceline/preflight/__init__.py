"""Everything that can be known before the model is loaded. Prints nothing."""
