"""Every layout of labeled images, read into one table: file, label, group, part."""
