"""No setting of a layer is lost in its line: each is written, or refused in a sentence."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from aecore.errors import ConfigError
from aecore.models.layers import parse_layer, readable_layers, write_layer
from aecore.models.layers.arguments import one, settings_of
from tests.models.layers.samples import fill

READABLE = readable_layers()

#: By name: values unlike the default, of which one has to suit.
OTHERS: dict[str, tuple[Any, ...]] = {
    "align_corners": (True,),
    "alpha": (0.7,),
    "affine": (False, True),
    "approximate": ("tanh",),
    "beta": (2.0,),
    "bias": (False,),
    "ceil_mode": (True,),
    "classes": (5,),
    "count_include_pad": (False,),
    "dilation": (2, (2,), (1, 2)),
    "dim": (1, 2, -1),
    "divisor_override": (3,),
    "downscale_factor": (2,),
    "elementwise_affine": (False,),
    "end_dim": (2,),
    "eps": (1e-3,),
    "factor": (-1.5,),
    "first": (True,),
    "groups": (2,),
    "height": (2,),
    "high": (0.25,),
    "in_channels": (8,),
    "in_features": (6,),
    "init": (0.5,),
    "kernel_size": (2, (2,), (3, 2)),
    "kind": ("deviation",),
    "lambd": (0.3,),
    "left": (1,),
    "low": (-0.25,),
    "lower": (0.05,),
    "max_val": (0.5,),
    "min_val": (-0.5,),
    "mode": ("bilinear", "linear", "nearest-exact"),
    "momentum": (0.3, None),
    "n": (2,),
    "negative_slope": (0.3,),
    "normalized_shape": ([6],),
    "num_channels": (8,),
    "num_features": (8,),
    "num_groups": (2,),
    "num_parameters": (4,),
    "out_channels": (8,),
    "out_features": (3,),
    "output_padding": (1,),
    "output_size": (2, (2, 1)),
    "p": (0.25,),
    "padding": (1, 0, (1, 0), (1, 2), (1, 0, 2, 1), "same"),
    "padding_mode": ("reflect", "circular"),
    "recompute_scale_factor": (True,),
    "return_indices": (True,),
    "said": (1,),
    "scale_factor": (1.5, (1.5, 2.0)),
    "shift": (0.5,),
    "shortcut": ((nn.Tanh(),),),
    "size": ((7, 9), (7,)),
    "start_dim": (2,),
    "stride": (1, (1,), (1, 2)),
    "threshold": (0.5,),
    "top": (1,),
    "track_running_stats": (False, True),
    "unflattened_size": ((2, 2, 1),),
    "upper": (0.9,),
    "upscale_factor": (2,),
    "value": (0.5,),
    "width": (3, 2),
}
#: What a layer needs before another setting counts.
BASE: dict[str, dict[str, Any]] = {
    "AvgPool1d": {"kernel_size": 3, "stride": 2, "padding": 1},
    "AvgPool2d": {"kernel_size": 3, "stride": 2, "padding": 1},
    "ConstantPad1d": {"padding": 1, "value": 0.0},
    "ConstantPad2d": {"padding": 1, "value": 0.0},
    "Conv1d": {"in_channels": 4, "out_channels": 4, "kernel_size": 3},
    "Conv2d": {"in_channels": 4, "out_channels": 4, "kernel_size": 3},
    "ConvTranspose1d": {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "stride": 2},
    "ConvTranspose2d": {"in_channels": 4, "out_channels": 4, "kernel_size": 3, "stride": 2},
    "Crop": {"top": 0, "left": 0, "height": 3, "width": 3},
    "GroupNorm": {"num_groups": 4, "num_channels": 4},
    "LayerNorm": {"normalized_shape": [4]},
    "Linear": {"in_features": 4, "out_features": 4},
    "MaxPool1d": {"kernel_size": 3, "stride": 2, "padding": 1},
    "MaxPool2d": {"kernel_size": 3, "stride": 2, "padding": 1},
    "Pad": {"n": 1},
    "PixelShuffle": {"upscale_factor": 1},
    "PixelUnshuffle": {"downscale_factor": 1},
    "Resize": {"height": 4, "width": 4},
    "Scale": {"factor": 1.0},
    "SecondHead": {"kind": "log-variance"},
    "Threshold": {"threshold": 0.1, "value": 0.0},
    "Told": {"classes": 3},
    "Unflatten": {"dim": 1, "unflattened_size": (4, 1, 1)},
    "Upsample": {"scale_factor": 1.3},
}
_NORMS = ("BatchNorm1d", "BatchNorm2d", "InstanceNorm1d", "InstanceNorm2d")
BASE |= {name: {"num_features": 4, "affine": True} for name in _NORMS}
#: What no line says.
REFUSED = {("MaxPool1d", "return_indices"), ("MaxPool2d", "return_indices")}
REFUSED |= {("AdaptiveMaxPool1d", "return_indices"), ("AdaptiveMaxPool2d", "return_indices")}
REFUSED |= {("Unflatten", "dim")}
#: What PyTorch has but one value for.
SINGLE = {("ConvTranspose1d", "padding_mode"), ("ConvTranspose2d", "padding_mode")}
INPUTS = [(4,), (6,), (4, 6), (4, 6, 6), (8,), (8, 6), (8, 6, 6), (4, 8, 4)]


def cases() -> list[tuple[str, str]]:
    found = []
    for name, entry in READABLE.items():
        found += [(name, setting) for setting in settings_of(entry.layer)]
    return [case for case in found if case not in SINGLE]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "setting"), cases())
def test_every_setting_is_written_or_refused(name, setting):
    layer = made(name, setting)
    if (name, setting) in REFUSED:
        with pytest.raises(ConfigError):
            write_layer(layer)
        return
    line = write_layer(layer)
    again = parse_layer(line).to_empty(device="cpu")
    again.load_state_dict(layer.state_dict())
    for parameter in settings_of(READABLE[name].layer):
        if parameter not in ("init", "shortcut") and hasattr(layer, parameter):
            mine, other = (getattr(m, parameter) for m in (layer, again))
            if isinstance(mine, torch.Tensor) or mine is None:
                assert type(mine) is type(other), line
            else:
                assert one(mine) == one(other), line
    compared = 0
    for shape in INPUTS:
        x = 2 * torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
        try:
            wanted = layer.eval()(x)
        except (RuntimeError, ValueError, IndexError, NotImplementedError):
            continue
        torch.testing.assert_close(again.eval()(x), wanted, rtol=0, atol=0)
        compared += 1
    assert compared, line


def made(name: str, setting: str) -> nn.Module:
    """A layer with one setting unlike its default and what the others are made with."""
    cls, base = READABLE[name].layer, BASE.get(name, {})
    usual = inspect.signature(cls.__init__).parameters[setting].default
    for value in OTHERS[setting]:
        if value == base.get(setting, usual):
            continue
        settings = {**base, setting: value}
        if setting == "size":
            settings.pop("scale_factor", None)
        if setting == "align_corners":
            settings["mode"] = "bilinear"
        if setting in ("in_features", "normalized_shape", "num_channels", "in_channels"):
            settings.setdefault("bias", True)
        if name not in BASE and not base:
            needed = inspect.signature(cls.__init__).parameters
            if "output_size" in needed:
                settings.setdefault("output_size", 1)
            if "padding" in needed and "kernel_size" not in needed:
                settings.setdefault("padding", 1)
        try:
            body = [nn.Tanh()] if READABLE[name].inner is not None else []
            layer = cls(*body, **settings)
            fill(layer, torch.Generator().manual_seed(1))
            if any(runs(layer, shape) for shape in INPUTS):
                return layer
        except (TypeError, ValueError, RuntimeError, AssertionError):
            continue
    raise AssertionError(f"no other value of {setting} suits {name}: give one in OTHERS")


def runs(layer: nn.Module, shape: tuple[int, ...]) -> bool:
    try:
        layer.eval()(torch.randn(2, *shape))
    except (RuntimeError, ValueError, IndexError, NotImplementedError):
        return False
    return True
