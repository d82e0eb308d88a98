"""The table of models: reading it, and what a reader of a wrong table is told."""

import csv
from io import StringIO

import pytest

from tokonomics.catalog.models_csv import MODEL_COLUMNS, read_models, shipped_models
from tokonomics.errors import InputError

DENSE = {
    "id": "tiny", "native_format": "bf16", "source": "a test", "num_layers": 2, "hidden_size": 10, "vocab_size": 100,
    "num_full_layers": 2, "num_heads": 8, "num_kv_heads": 2, "head_dim": 4, "num_dense_layers": 2, "mlp_size": 20,
}  # fmt: skip
MOE = {
    "num_dense_layers": "", "mlp_size": "", "num_moe_layers": 2, "num_experts": 6, "num_active_experts": 2,
    "expert_size": 7,
}  # fmt: skip


def table(*rows):
    out = StringIO()
    writer = csv.DictWriter(out, MODEL_COLUMNS)
    writer.writeheader()
    writer.writerows(DENSE | row for row in rows)
    return out.getvalue()


def test_a_row_becomes_a_model():
    (model,) = read_models(table({"hf_id": "org/Tiny", "max_context_tokens": 4096, "licence": "mit"}))
    assert (model.id, model.hf_id, model.native_format, model.status) == ("tiny", "org/Tiny", "bf16", "user")
    assert (model.num_layers, model.hidden_size, model.vocab_size) == (2, 10, 100)
    assert (model.num_heads, model.num_kv_heads, model.max_context_tokens) == (8, 2, 4096)
    assert (model.is_moe, model.num_experts, model.num_active_experts, model.num_moe_layers) == (False, 0, 0, 0)
    assert model.params.total == 2_000 + 2 * (10 * 80 + 600 + 20) + 10
    assert model.published_params is None


def test_a_mixture_says_so():
    (model,) = read_models(table(MOE))
    assert (model.is_moe, model.num_experts, model.num_active_experts, model.num_moe_layers) == (True, 6, 2, 2)
    assert model.params.mlp == 0


def test_a_table_may_leave_out_columns():
    text = "\n".join([",".join(DENSE), ",".join(str(cell) for cell in DENSE.values())])
    assert read_models(text) == read_models(table({}))


def test_a_table_is_read_from_a_file_too(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(table({}), "utf-8")
    assert read_models(file) == read_models(table({}))


def test_value_heads_fall_back_on_head_dim_and_windows_on_full_layers():
    (model,) = read_models(
        table({"num_full_layers": 1, "num_window_layers": 1, "window_tokens": 16, "window_num_heads": 4})
    )
    full, window = model.architecture.full, model.architecture.window
    assert (full.value_head_dim, window.value_head_dim) == (4, 4)
    assert (full.num_heads, window.num_heads, window.num_kv_heads) == (8, 4, 2)


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ({"num_layers": ""}, "num_layers='' is not a whole number from 1"),
        ({"num_layers": 20_000}, "num_layers='20000' is not a whole number from 1 to 10000"),
        ({"hidden_size": 0}, "hidden_size='0' is not a whole number from 1"),
        ({"hidden_size": -8}, "hidden_size='-8' is not a whole number"),
        ({"hidden_size": "8.5"}, "hidden_size='8.5' is not a whole number"),
        ({"hidden_size": "8e3"}, "hidden_size='8e3' is not a whole number"),
        ({"hidden_size": "9" * 5_000}, "is not a whole number from 1 to 100000000"),
        ({"hidden_size": "²"}, "hidden_size='²' is not a whole number"),
        ({"has_tied_embeddings": "yes"}, "has_tied_embeddings='yes' is not one of 0, 1"),
        ({"attention": "quantum"}, "is not one of grouped, latent, shared-key"),
        ({"num_kv_heads": 3}, "num_kv_heads='3' does not divide the 8 query heads"),
        ({"attention": "latent"}, "kv_rank='' is not a whole number from 1"),
        (
            {"attention": "latent", "kv_rank": 7, "value_head_dim": 4, "rope_head_dim": 5},
            "rope_head_dim='5' exceeds head_dim=4",
        ),
        ({"num_full_layers": 1, "num_window_layers": 1}, "window_tokens='' is empty"),
        (
            {"num_full_layers": 1, "num_linear_layers": 1},
            "linear_kind='' is not one of gated-deltanet, mamba-2, kimi-delta",
        ),
        (MOE | {"num_active_experts": 7}, "num_active_experts='7' exceeds num_experts=6"),
        (MOE | {"num_shared_experts": 1}, "shared_expert_size='' is not a whole number from 1"),
        ({"num_mtp_layers": 1, "mtp_mlp": "both"}, "mtp_mlp='both' is not one of dense, moe"),
        ({"num_full_layers": ""}, "full+window+linear=0"),
        ({"num_full_layers": 3}, "full+window+linear=3"),
        ({"num_full_layers": 1, "num_dense_layers": ""}, "every layer needs attention or an MLP"),
        ({"source": ""}, "source='' is empty"),
        ({"native_format": ""}, "native_format='' is empty"),
        ({"status": "certain"}, "status='certain' is not one of published, approximate, user"),
        ({"released_on": "2024-02-30"}, "is not a date"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(row, advice):
    with pytest.raises(InputError) as caught:
        read_models(table({"id": "good"}, row))
    assert all("models.csv:3:" in problem for problem in caught.value.violations)
    assert any(advice in problem for problem in caught.value.violations)


def test_all_wrong_cells_are_named_at_once_and_each_only_once():
    with pytest.raises(InputError) as caught:
        read_models(table({"hidden_size": 0, "vocab_size": "x"}, {"id": "other", "head_dim": "y", "source": ""}))
    columns = [problem.split(": ")[1].split("=")[0] for problem in caught.value.violations]
    assert sorted(columns) == ["head_dim", "hidden_size", "source", "vocab_size"]


def test_a_name_may_appear_once():
    with pytest.raises(InputError, match="id='tiny' appears 2 times; keep one row"):
        read_models(table({}, {}))


def test_unknown_columns_are_refused():
    with pytest.raises(InputError, match="unknown column 'num_layer'"):
        read_models("id,num_layer\na,3\n")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "mine.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read models from .*mine\.csv"):
        read_models(file)


def test_every_shipped_row_has_a_source_a_status_and_a_total():
    for model in shipped_models():
        assert model.source
        assert model.status in ("published", "approximate")
        assert model.published_params
        assert model.max_context_tokens
        assert model.id == model.id.lower()


def test_approximate_rows_say_what_is_left_out():
    assert [model.id for model in shipped_models() if model.status == "approximate"] == ["kimi-k3"]
    assert all("left out" in model.notes for model in shipped_models() if model.status == "approximate")


def test_every_column_is_used_by_some_model():
    (header, *rows) = csv.reader(StringIO(_shipped_text()))
    assert tuple(header) == MODEL_COLUMNS
    assert [name for name, column in zip(header, zip(*rows)) if not any(column)] == []


def _shipped_text():
    from importlib.resources import files

    return files("tokonomics.catalog").joinpath("data", "models.csv").read_text("utf-8")
