"""What every page is made from: templates, charts, pictures, words."""
