"""Network files: our own safetensors format and a safe reader of official snapshots."""

from gist.pretrained.network_file import (
    discriminator_beside,
    load_discriminator,
    load_network,
    save_discriminator,
    save_network,
)
from gist.pretrained.official_import import ImportedNetwork, import_official
from gist.pretrained.official_state import OfficialNetworks, load_official

__all__ = [
    "ImportedNetwork",
    "OfficialNetworks",
    "discriminator_beside",
    "import_official",
    "load_discriminator",
    "load_network",
    "load_official",
    "save_discriminator",
    "save_network",
]
