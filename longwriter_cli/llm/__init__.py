"""Models behind one seam, `base.Chat`."""
