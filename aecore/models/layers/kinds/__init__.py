"""One file for each kind of layer, or for a few that are much alike."""
