"""Generated images in the forms that other software takes: class folders of PNG with a table, or DICOM."""

from gist.verbs.export.images import ExportResult, export_images

__all__ = ["ExportResult", "export_images"]
