"""Models that give logits and the features that enter their last layer; one's own module through `adapt`.

b rows in a batch, c classes, d features.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coreset_explore.inputs.checks import nearest
from coreset_explore.training.own import Adapted, adapted, learns_bias

__all__ = [
    "MODELS",
    "Adapted",
    "Classifier",
    "Prepare",
    "adapt",
    "build",
    "default",
    "fits",
    "init_",
    "learns_bias",
]

Shape = tuple[int, ...]  # of one row: (channels, height, width) or (features,)


class Prepare(nn.Module):
    """Stored rows to a network's input, (x − mean) / scale; held by the model, so that all rows are treated alike."""

    def __init__(self, mean: Tensor, scale: Tensor, layout: torch.memory_format = torch.channels_last):
        super().__init__()
        self.layout = layout
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    @classmethod
    def of(cls, x: Tensor) -> Prepare:
        """Per channel of images (n, ch, height, width), per column of a table (n, d)."""
        axes = (0, 2, 3) if x.ndim == 4 else (0,)
        count, total, squares = 0, 0.0, 0.0
        for block in x.split(512):  # small enough for a block's sums of bytes to be safe in float32
            wide = block.float() if x.dtype == torch.uint8 else block.double()
            count += wide.numel() // wide.shape[1]
            total, squares = total + wide.sum(axes).double(), squares + wide.square().sum(axes).double()
        mean = total / count
        spread = (squares / count - mean.square()).clamp_min(0).sqrt()
        spread[spread <= 1e-6 * mean.abs()] = 1.0
        spread[spread == 0] = 1.0
        shape = (-1, 1, 1) if x.ndim == 4 else (-1,)
        return cls(mean.float().reshape(shape), spread.float().reshape(shape))

    @classmethod
    def plain(cls, x: Tensor) -> Prepare:
        """For a module of one's own: images as numbers from 0 to 1, tables as they are; laid out as `view` expects."""
        scale = torch.tensor(255.0 if x.dtype == torch.uint8 else 1.0)
        return cls(torch.tensor(0.0), scale, torch.contiguous_format)

    def forward(self, x: Tensor) -> Tensor:
        x = (x.float() - self.mean) / self.scale
        return x.contiguous(memory_format=self.layout) if x.ndim == 4 else x


class Classifier(nn.Module):
    """A trunk and a linear head: `forward(x)` gives logits (b, c) and features (b, d) entering the head.

    `classes`: the names of the classes it was made for, in the order of its outputs.
    """

    classes: tuple[str, ...] = ()

    def __init__(self, name: str, prepare: Prepare, trunk: nn.Module, head: nn.Linear):
        super().__init__()
        self.name, self.prepare, self.trunk, self.head = name, prepare, trunk, head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(self.prepare(x))
        return self.head(features), features


class MaxPool(nn.Module):
    """Largest of each 2 x 2 window; without gradients by comparing slices, faster than torch's on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return F.max_pool2d(x, 2)
        h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
        x = torch.maximum(x[:, :, 0:h:2, :w], x[:, :, 1:h:2, :w])
        return torch.maximum(x[..., 0::2], x[..., 1::2])


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a shortcut (He et al. 2016, arXiv:1512.03385, basic block)."""

    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(*_conv(inside, outside, stride), nn.ReLU(), *_conv(outside, outside, 1))
        same = inside == outside and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*_conv(inside, outside, stride, size=1))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def _conv(inside: int, outside: int, stride: int, size: int = 3) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inside, outside, size, stride, size // 2, bias=False), nn.BatchNorm2d(outside)


def logistic(shape: Shape) -> tuple[nn.Module, int]:
    """No hidden layer: the features are the prepared inputs themselves."""
    return nn.Flatten(), math.prod(shape)


def mlp(shape: Shape) -> tuple[nn.Module, int]:
    """Two hidden layers of 128 (the GMC paper's, and enough for tables and digits)."""
    d = math.prod(shape)
    return nn.Sequential(nn.Flatten(), nn.Linear(d, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()), 128


def lenet(shape: Shape) -> tuple[nn.Module, int]:
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling; pooling before ReLU gives the same, faster."""
    channels, h, w = shape
    flat = 16 * ((h // 2 - 4) // 2) * ((w // 2 - 4) // 2)
    trunk = nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2), MaxPool(), nn.ReLU(),
        nn.Conv2d(6, 16, 5), MaxPool(), nn.ReLU(),
        nn.Flatten(), nn.Linear(flat, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
    )  # fmt: skip
    return trunk, 84


def cnn(shape: Shape) -> tuple[nn.Module, int]:
    """Four blocks of 64 (convolution, batch norm, pooling, ReLU), then the spatial mean: GMC paper, B.2."""
    blocks: list[nn.Module] = []
    for inside in (shape[0], 64, 64, 64):
        blocks += [nn.Conv2d(inside, 64, 3, padding=1), nn.BatchNorm2d(64), MaxPool(), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 64


def resnet18(shape: Shape) -> tuple[nn.Module, int]:
    """ResNet-18 with the 3 x 3 stem for small images: features of 512."""
    stages: list[nn.Module] = []
    for inside, outside, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        stages += [Residual(inside, outside, stride), Residual(outside, outside, 1)]
    stem = (*_conv(shape[0], 64, 1), nn.ReLU())
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 512


MODELS: dict[str, Callable[[Shape], tuple[nn.Module, int]]] = {
    f.__name__: f for f in (logistic, mlp, lenet, cnn, resnet18)
}
SMALLEST = {"logistic": 0, "mlp": 0, "lenet": 12, "cnn": 16, "resnet18": 8}  # pixels; 0 takes tables as well


def fits(name: str, shape: Shape) -> bool:
    """Whether the named model takes rows of this shape."""
    return SMALLEST[name] == 0 or (len(shape) == 3 and min(shape[1:]) >= SMALLEST[name])


def build(name: str, data, rng: torch.Generator) -> Classifier:
    """The named model for `data` (images or a table), freshly initialised from `rng`, a CPU generator.

    Raises ValueError for an unknown name (with the nearest ones) and for rows the model cannot take.
    """
    if name not in MODELS:
        near = ", ".join(nearest(name, MODELS, 2) or MODELS)
        raise ValueError(f"no model is called {name!r}; nearest: {near}; all: {', '.join(MODELS)}")
    shape = tuple(data.x.shape[1:])
    if not fits(name, shape):
        need = f"images of at least {SMALLEST[name]} x {SMALLEST[name]} pixels"
        have = f"has {shape[1]} x {shape[2]}" if len(shape) == 3 else f"is a table of {shape[0]} features"
        good = ", ".join(other for other in MODELS if fits(other, shape))
        raise ValueError(f"{name} needs {need}, and {data.name} {have}; models that fit: {good}")
    with torch.device("meta"):  # built without storage: modules draw first weights from the global generator
        trunk, width = MODELS[name](shape)
        head = nn.Linear(width, len(data.classes))
    trunk, head = (init_(_stored(part), rng) for part in (trunk, head))
    model = Classifier(name, Prepare.of(data.x), trunk, head)
    return model.to(memory_format=torch.channels_last) if len(shape) == 3 else model


def _stored(part: nn.Module) -> nn.Module:
    """The module with storage, of no value yet; `to_empty` does it too, and imports sympy for it (0.4 s)."""
    for module in part.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(torch.empty(value.shape)))
        for name, value in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty(value.shape, dtype=value.dtype))
    return part


def default(data) -> str:
    """The model where none is named: mlp (tables, small images), lenet (from 28 pixels), cnn (photographs)."""
    if data.kind == "table" or min(data.x.shape[2:]) < 28:
        return "mlp"
    return "cnn" if data.x.shape[1] == 3 and min(data.x.shape[2:]) >= 48 else "lenet"


def init_(model: nn.Module, rng: torch.Generator) -> nn.Module:
    """Initialise in place by PyTorch's own scheme, drawing from `rng` alone; returns the model.

    Linear and convolution: uniform within ±1/√fan_in. Normalisation: ones and zeros. Raises ValueError for
    other layers with weights, which only their author knows how to start.
    """
    for name, module in model.named_modules():
        plain = {held for held, _ in module.named_parameters(recurse=False)} <= {"weight", "bias"}
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) and plain:
            for value in filter(lambda v: v is not None, (module.weight, module.bias)):
                bound = 1 / math.sqrt(module.weight[0].numel())
                draw = torch.rand(value.shape, generator=rng) * (2 * bound) - bound
                with torch.no_grad():
                    value.copy_(draw)
        elif isinstance(module, nn.modules.batchnorm._NormBase | nn.LayerNorm | nn.GroupNorm):
            module.reset_parameters()
        elif list(module.parameters(recurse=False)):
            raise ValueError(
                f"cannot initialise {name or 'the module'} ({type(module).__name__}): only plain linear, "
                "convolution and normalisation layers are known; initialise it yourself and leave out inits="
            )
    return model


def adapt(module: nn.Module, x: Tensor) -> Classifier | Adapted:
    """`module` as `forward(x) -> (logits, features)`, tried on a row of `x` (uint8 images or a table).

    A module of one's own sees images as numbers from 0 to 1 and tables as they are: what else it wants done
    to its input belongs into it. Raises ValueError when its answer is not what its last Linear layer gave, and for
    whatever else it raises.
    """
    if isinstance(module, Classifier | Adapted):
        return module
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"a model is one of {', '.join(MODELS)} or a torch.nn.Module, not {type(module).__name__}"
        )
    return adapted(module, Prepare.plain(x), x)
