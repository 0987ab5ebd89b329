"""One file a family: a LatentModel that says everything about itself, and its PRESETS.

To add one, write a file here, or in a folder that AECORE_FAMILIES names: a frozen dataclass of
options with defaults (for NetworkModel a subclass of fields.NetworkOptions), a class that sets
family, title and Options and whatever else of LatentModel's class variables is true of it, and, if
it changes `loss_terms`, its `loss_source` for exported scripts. Nothing else is touched.
"""
