"""What a model's work costs: FLOPs and bytes as exact functions of its tokens."""
