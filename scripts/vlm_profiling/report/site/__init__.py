"""Pages in HTML as a static site. Its layout, style and scripts are files of this folder."""
