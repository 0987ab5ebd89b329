"""The pages of the app, one short storyboard each, and their shared parts."""
