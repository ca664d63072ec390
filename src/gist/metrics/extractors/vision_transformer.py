"""DINOv2 (Oquab 2023) as torchvision's vision transformer, with the weights of its publishers renamed to fit.

Two things differ from the plain transformer of Dosovitskiy (2020) and are settled in the weights: the output of
every block is scaled by a learnt vector, which multiplies into the last linear map of the block; and positions
were learnt for 37 x 37 patches, and are interpolated to the 16 x 16 of an image of 224 pixels.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from gist.errors import InputError
from gist.metrics.extractors.network import NetworkExtractor, Preprocessing
from gist.metrics.weights import find_weights
from gist.metrics.weights.files import fill, load_tensors

SIDE, PATCH, HEAD_WIDTH = 224, 14, 64
_OFFSET = 0.1  # by which the publishers stretch positions, so that rounding never loses a patch


def dinov2(weights: Path | None, device: torch.device) -> NetworkExtractor:
    """The class token [N, 384] after the last normalisation of DINOv2 ViT-S/14."""
    found = find_weights("dinov2", weights)
    network = _transformer(load_tensors(found.path), found.path)
    return NetworkExtractor(
        "dinov2",
        network,
        Preprocessing(SIDE),
        found,
        layer="class-token",
        mebibytes_per_image=20,
        device=device,
    )


def _transformer(tensors: dict[str, Tensor], path: Path) -> nn.Module:
    try:
        width = tensors["cls_token"].shape[-1]
        depth = sum(name.endswith(".norm1.weight") for name in tensors)
        mlp = tensors["blocks.0.mlp.fc1.weight"].shape[0]
        renamed = _renamed(tensors, depth)
    except (KeyError, RuntimeError, IndexError):
        raise InputError(
            f"{path} does not hold a DINOv2 vision transformer; check evaluate.weights."
        ) from None
    network = VisionTransformer(
        image_size=SIDE,
        patch_size=PATCH,
        num_layers=depth,
        num_heads=width // HEAD_WIDTH,
        hidden_dim=width,
        mlp_dim=mlp,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    )
    network.heads = nn.Identity()
    return fill(network, renamed, path)


def _renamed(tensors: dict[str, Tensor], depth: int) -> dict[str, Tensor]:
    renamed = {
        "class_token": tensors["cls_token"],
        "conv_proj.weight": tensors["patch_embed.proj.weight"],
        "conv_proj.bias": tensors["patch_embed.proj.bias"],
        "encoder.pos_embedding": _positions(tensors["pos_embed"]),
        "encoder.ln.weight": tensors["norm.weight"],
        "encoder.ln.bias": tensors["norm.bias"],
    }
    for index in range(depth):
        old, new = f"blocks.{index}", f"encoder.layers.encoder_layer_{index}"
        attention, mlp = tensors[f"{old}.ls1.gamma"], tensors[f"{old}.ls2.gamma"]
        for kind in ("weight", "bias"):
            renamed |= {
                f"{new}.ln_1.{kind}": tensors[f"{old}.norm1.{kind}"],
                f"{new}.self_attention.in_proj_{kind}": tensors[f"{old}.attn.qkv.{kind}"],
                f"{new}.self_attention.out_proj.{kind}": _scaled(
                    tensors[f"{old}.attn.proj.{kind}"], attention
                ),
                f"{new}.ln_2.{kind}": tensors[f"{old}.norm2.{kind}"],
                f"{new}.mlp.0.{kind}": tensors[f"{old}.mlp.fc1.{kind}"],
                f"{new}.mlp.3.{kind}": _scaled(tensors[f"{old}.mlp.fc2.{kind}"], mlp),
            }
    return renamed


def _scaled(parameter: Tensor, gamma: Tensor) -> Tensor:
    return parameter * (gamma if parameter.dim() == 1 else gamma[:, None])


def _positions(learnt_1TC: Tensor) -> Tensor:
    """Position vectors [1, 1 + n^2, C] of the class token and n x n patches, for the 16 x 16 patches of 224 pixels."""
    wanted = SIDE // PATCH
    patches = learnt_1TC[:, 1:]
    side = round(patches.shape[1] ** 0.5)
    if side == wanted:
        return learnt_1TC
    grid = patches.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=(wanted + _OFFSET) / side, mode="bicubic")
    return torch.cat([learnt_1TC[:, :1], grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)
