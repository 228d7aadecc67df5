"""Whether what was written for GPUs holds on the one at hand: parts within a budget of minutes, a folder of
evidence.
"""
