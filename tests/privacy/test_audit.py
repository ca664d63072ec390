"""Phantoms through the whole audit: planted copies are found, images of other patients are not called copies."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from gist.metrics.extractors import extractor_named
from gist.privacy.audit import Sets, judged, look_at
from gist.privacy.eye import EYE_SIDE, Eye, looks, train_eye
from gist.privacy.measures import auc, authentic, copying_statistic, true_positives
from gist.privacy.planted import KINDS, planted
from gist.privacy.views import VIEWS, Looked, Viewer, read_small, reduced
from gist.images.archive import read_data_set
from gist.stages.privacy import PrivacyResult
