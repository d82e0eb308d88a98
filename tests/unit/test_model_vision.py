"""Vision towers in the table are sums over the vendor's published vision dimensions, not remainders of a total."""

import pytest

from tokonomics.catalog.models_csv import shipped_models

VISION = {model.id: model.params.vision for model in shipped_models() if model.params.vision}


def linear(inner, outer):
    return inner * outer + outer


def tower(hidden, num_layers, mlp):
    """Attention and MLP with biases, two norms with biases."""
    return num_layers * (4 * linear(hidden, hidden) + linear(hidden, mlp) + linear(mlp, hidden) + 4 * hidden)


def siglip(text):
    """SigLIP So400m/14 at 896 px (64 x 64 positions), then a norm and a matrix."""
    patches = linear(3 * 14 * 14, 1152) + 64 * 64 * 1152
    return patches + tower(1152, 27, 4304) + 2 * 1152 + 1152 * text + 1152


def qwen35(text):
    """Patches of 16 x 16 x 2 frames, 2304 positions, a norm, four patches merged through one hidden layer."""
    patches = linear(3 * 16 * 16 * 2, 1152) + 2304 * 1152
    return patches + tower(1152, 27, 4304) + 2 * 1152 + linear(4608, 4608) + linear(4608, text)


def moonvit(text):
    patches = linear(3 * 14 * 14, 1152) + 64 * 64 * 1152
    return patches + tower(1152, 27, 4304) + 4 * 1152 + linear(4608, 4608) + linear(4608, text)


def moonvit_2():
    """Attention of width 1536 in a state of 1024, no biases, one-vector norms."""
    layer = 4 * 1024 * 1536 + 2 * 1024 * 4096 + 2 * 1024
    return (3 * 14 * 14 + 64 * 64) * 1024 + 27 * layer + 2 * 1024 + 4096 * 4096 + 4096 * 7168


def gemma4(text):
    """Gated MLP, no biases, norms of queries and keys of width 72, a table of positions an axis."""
    layer = 4 * 1152 * 1152 + 3 * 1152 * 4304 + 4 * 1152 + 2 * 72
    return 3 * 16 * 16 * 1152 + 2 * 10_240 * 1152 + 27 * layer + 2 * 1152 + 1152 * text


def llama4():
    """24 x 24 patches of 14 px and a class token, norms before and after, pixel shuffle to 5632, a projection."""
    patches = 3 * 14 * 14 * 1408 + (576 + 1) * 1408 + 1408 + 4 * 1408
    return patches + tower(1408, 34, 5632) + 5632 * 4096 + 4096 * 4096 + 4096 * 5120


def minimax():
    """Patches of 14 x 14 x 2 frames; a two-layer projection, then four tokens merged through another."""
    text = 6144
    projection = linear(1280, text) + linear(text, text) + linear(4 * text, text) + linear(text, text)
    return 3 * 14 * 14 * 2 * 1280 + tower(1280, 32, 5120) + 2 * 1280 + projection


def step():
    """Layer scales, 52 x 52 positions, two strided 3 x 3 convolutions that double the width, a projection."""
    patches = 3 * 14 * 14 * 1536 + 52 * 52 * 1536 + 2 * 1536
    shrink = linear(9 * 1536, 3072) + linear(9 * 3072, 6144)
    return patches + tower(1536, 47, 8960) + 47 * 2 * 1536 + shrink + 6144 * 4096


TOWERS = {
    "gemma-3-4b": siglip(2560),
    "gemma-3-12b": siglip(3840),
    "gemma-3-27b": siglip(5376),
    "gemma-4-26b-a4b": gemma4(2816),
    "gemma-4-31b": gemma4(5376),
    "qwen3.5-27b": qwen35(5120),
    "qwen3.5-35b-a3b": qwen35(2048),
    "qwen3.5-122b-a10b": qwen35(3072),
    "qwen3.5-397b-a17b": qwen35(4096),
    "qwen3.6-27b": qwen35(5120),
    "qwen3.6-35b-a3b": qwen35(2048),
    "kimi-k2.5": moonvit(7168),
    "kimi-k2.6": moonvit(7168),
    "kimi-k3": moonvit_2(),
    "llama-4-scout-17b-16e": llama4(),
    "llama-4-maverick-17b-128e": llama4(),
    "minimax-m3": minimax(),
    "step-3.7-flash": step(),
}


@pytest.mark.parametrize("model_id", VISION)
def test_vision_tower_is_the_sum_of_its_tensors(model_id):
    assert VISION[model_id] == TOWERS[model_id]


def test_every_tower_is_checked():
    assert set(VISION) == set(TOWERS)
