"""FLOPs and bytes counted on the meta device."""
