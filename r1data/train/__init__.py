"""Training on releases: SFT, GRPO and T-GRPO with native video.

`encode` turns a question and its frames into what a model takes, `model` loads and samples; SFT,
rollouts, log-probabilities and evaluation all go through these two.
"""
