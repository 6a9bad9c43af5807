"""InfoTok on published unified models of `transformers`."""
