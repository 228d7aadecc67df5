"""What all tests share."""

import os

# Tiny models run fastest on one thread, and threads that wait for each other on a busy machine run slowest.
# Set before torch is imported; the processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
