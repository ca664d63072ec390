"""The weight files that gist knows: name, size, checksum, licence and where their publishers offer them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightsFile:
    """One published file of pretrained weights."""

    name: str
    """The extractor it belongs to, as in `evaluate.extractor` and `gist weights fetch`."""
    file: str
    """File name under which it is looked for."""
    sha256: str | None
    """SHA-256 in hexadecimal, or its first digits where the publisher states only these; None where none is."""
    mebibytes: float
    url: str
    licence: str
    holds: str
    """What it is, in a few words."""
    other_files: tuple[str, ...] = ()
    """Names under which other programs keep the same file."""


_TORCHVISION = "https://download.pytorch.org/models/"
_BSD = "BSD-3-Clause (trained on ImageNet)"
CATALOGUE: dict[str, WeightsFile] = {
    entry.name: entry
    for entry in (
        WeightsFile(
            "inception",
            "pt_inception-2015-12-05-6726825d.pth",
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            91.2,
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth",
            "Apache-2.0 (trained on ImageNet)",
            "the Inception network that FID is defined with",
            ("weights-inception-2015-12-05-6726825d.pth",),
        ),
        WeightsFile(
            "dinov2",
            "dinov2_vits14_pretrain.pth",
            "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
            84.2,
            "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth",
            "Apache-2.0",
            "DINOv2 vision transformer S/14, self-supervised",
        ),
        WeightsFile(
            "swav",
            "swav_800ep_pretrain.pth.tar",
            None,
            108.0,
            "https://dl.fbaipublicfiles.com/deepcluster/swav_800ep_pretrain.pth.tar",
            "CC BY-NC 4.0: not for commercial use",
            "ResNet-50 trained by SwAV, self-supervised",
        ),
        WeightsFile(
            "squeezenet",
            "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "17154246284f555591549ac2c83e127abfbf4307dc4b0060fdaa2931d0fa38da",
            2.9,
            "https://github.com/DeepCognition/keras-squeezenet/raw/a73d4339/"
            "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "MIT (trained on ImageNet)",
            "SqueezeNet 1.1, small and quick on a CPU",
        ),
        WeightsFile(
            "resnet50",
            "resnet50-0676ba61.pth",
            "0676ba61",
            97.8,
            _TORCHVISION + "resnet50-0676ba61.pth",
            _BSD,
            "ResNet-50",
        ),
        WeightsFile(
            "resnet101",
            "resnet101-63fe2227.pth",
            "63fe2227",
            170.5,
            _TORCHVISION + "resnet101-63fe2227.pth",
            _BSD,
            "ResNet-101",
        ),
        WeightsFile(
            "inception_v3",
            "inception_v3_google-0cc3c7bd.pth",
            "0cc3c7bd",
            103.9,
            _TORCHVISION + "inception_v3_google-0cc3c7bd.pth",
            _BSD,
            "torchvision's Inception v3, which is not FID's",
        ),
        WeightsFile(
            "vgg16",
            "vgg16-397923af.pth",
            "397923af",
            527.8,
            _TORCHVISION + "vgg16-397923af.pth",
            _BSD,
            "VGG-16, the features of pr50k3_full",
        ),
        WeightsFile(
            "vgg19",
            "vgg19-dcbb9e9d.pth",
            "dcbb9e9d",
            548.1,
            _TORCHVISION + "vgg19-dcbb9e9d.pth",
            _BSD,
            "VGG-19",
        ),
    )
}
