from __future__ import annotations

import json
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.statistics.baseline import compare_with_baseline
from pytest_imagejudge.statistics.baseline_file import Baseline, read_baseline, update_baseline, write_baseline
from pytest_imagejudge.statistics.pairing import scored
from pytest_imagejudge.taxonomy import LEVEL1
from tests.statistics.samples import drawn, edit, image

MARGINS = {(): 2.0, **{(one,): 2.0 for one in LEVEL1}}


def run(n=30, seed=1, fail=0.15, **fields):
    rng = random.Random(seed)
    return [drawn(i, rng, fail, **fields) for i in range(n)]


def against(after, before, margins=MARGINS, **options):
    return compare_with_baseline(after, Baseline(scored(before)), margins, **options)


def by_path(result):
    return {tuple(row.path): row for row in result.rows}


def test_a_file_that_is_read_back_is_the_run(tmp_path):
    before, edits = run(8), [edit(i, 1.5 + i / 3) for i in range(6)]
    assert update_baseline(tmp_path / "b.json", before, edits) == (14, [])
    result = compare_with_baseline(
        before, read_baseline(tmp_path / "b.json"), MARGINS, edits=edits, edit_margin=0.1, file="b.json"
    )
    assert (result.gate, result.pairs, result.new, result.missing, result.changed) == ("passed", 14, [], [], [])
    assert all((row.change, row.low, row.high) == (0, 0, 0) for row in result.rows if row.n >= 6)
    assert by_path(result)["score",].outcome == "passed"


def test_the_file_is_json_with_one_image_a_line_in_a_fixed_order(tmp_path):
    entries = [*run(6), image(50, id="10"), image(51, id="9"), image(52, prompt="ünïcode \n line", seed=3)]
    update_baseline(tmp_path / "a.json", entries)
    update_baseline(tmp_path / "b.json", list(reversed(entries)))
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == (tmp_path / "b.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert data["schema"] == "imagejudge-baseline/1"
    assert [line["id"] for line in data["images"] if "id" in line] == ["9", "10"]
    lines = text.splitlines()
    assert sum(line.startswith('{"') for line in lines) == len(entries)
    assert "ünïcode \\n line" in text
    assert len(text) / len(entries) < 1500


def test_two_branches_that_each_add_images_merge(tmp_path):
    def git(*command):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *command],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    def write(numbers):
        update_baseline(tmp_path / "b.json", [image(n, id=str(n), prompt=f"p{n}") for n in numbers])
        git("add", "b.json")
        git("commit", "-m", "baseline")

    git("init", "-b", "main")
    write([10, 20, 30, 40, 50])
    git("checkout", "-b", "one")
    write([10, 15, 20, 30, 40, 50])
    git("checkout", "main")
    write([10, 20, 30, 35, 40, 50])
    git("merge", "one")
    assert [item.id for item in read_baseline(tmp_path / "b.json").images] == ["10", "15", "20", "30", "35", "40", "50"]


def test_a_large_drop_fails_and_a_drop_within_the_margin_does_not():
    before = run(60)
    worse = against(run(60, 2, 0.4), before)
    assert worse.gate == "failed"
    row = by_path(worse)["total",]
    assert row.outcome == "failed"
    assert row.high < -2
    assert row.change == pytest.approx(row.after - row.before)
    assert row.low < row.change < row.high
    assert row.allowed == 2
    slightly = [image(i, 59.0) for i in range(20)]
    found = against(slightly, [image(i, 60.0) for i in range(20)])
    assert found.gate == "passed"
    assert by_path(found)["total",].outcome == "passed"


def test_a_rise_never_fails():
    found = against(run(60, 2, 0.05), run(60, 1, 0.4), {(): 0.0})
    assert found.gate == "passed"
    assert by_path(found)["total",].change > 10


def test_noise_is_undecided_and_says_how_many_pairs_it_takes():
    found = against(run(20, 2, 0.19), run(20, 1))
    row = by_path(found)["total",]
    assert row.change < -2
    assert row.p > 0.05
    assert (row.outcome, row.gate, found.gate) == ("undecided", "passed", "undecided")
    assert row.needed > 20
    assert f"about {row.needed} pairs would decide it" in row.detail


def blurred(number=4, of=12, drop=72.6):
    """A run of which some images lost ``drop`` points of Quality, and the one before."""
    before = [image(i, 60.0, level1={**dict.fromkeys(LEVEL1, 60.0), "Quality": 99.2}) for i in range(of)]
    after = [entry.model_copy(deep=True) for entry in before]
    for entry in after[:number]:
        entry.level1["Quality"] -= drop
    return after, before


@pytest.mark.parametrize(("policy", "gate"), [("pass", "undecided"), ("mean", "failed"), ("fail", "failed")])
def test_four_of_twelve_that_dropped_may_be_chance(policy, gate):
    found = against(*blurred(), {("Quality",): 2.0}, on_undecided=policy)
    row = by_path(found)["Quality",]
    assert (row.before, row.after) == (pytest.approx(99.2), pytest.approx(75.0))
    assert (row.p, row.outcome, row.needed) == (1 / 16, "undecided", 15)  # 5 of 5 would be 1 in 32
    assert (row.gate, found.gate, found.on_undecided) == ("passed" if gate == "undecided" else "failed", gate, policy)
    assert ("the mean decides, so the gate fails" in row.detail) is (policy == "mean")
    assert "passed" not in row.detail


def test_five_that_dropped_are_no_chance_however_many_did_not():
    for of in (5, 12, 400):
        row = by_path(against(*blurred(5, of), {("Quality",): 0.5}))["Quality",]
        assert (row.p, row.outcome, row.gate) == (1 / 32, "failed", "failed")
        assert row.high is None if of == 5 else row.high <= 0


def test_a_drop_within_the_margin_passes_and_says_what_is_not_ruled_out():
    before = [image(i, 60.0) for i in range(20)]
    after = [image(i, 60.0 - (30 if i < 3 else 0)) for i in range(20)]
    row = by_path(against(after, before, {(): 5.0}))["total",]
    assert (row.outcome, row.gate, row.needed) == ("passed", "passed", None)
    assert "the mean drop of 4.50 is within the margin of 5; a drop of up to " in row.detail


def test_a_policy_that_there_is_not():
    with pytest.raises(ConfigError, match=r'baseline: on_undecided is .*did you mean "mean"'):
        against(run(5), run(5), on_undecided="means")


def test_images_that_newly_fail_are_told_and_may_be_bounded(tmp_path):
    ours = {"thresholds": "ours.toml"}
    before = [image(i, outcome="failed" if i == 0 else "passed", **ours) for i in range(12)]
    after = [image(i, outcome="failed" if 1 <= i < 4 else "passed", **ours) for i in range(12)]
    update_baseline(tmp_path / "b.json", before)
    baseline = read_baseline(tmp_path / "b.json")
    free = compare_with_baseline(after, baseline, {})
    assert free.gate is None
    assert free.outcomes.newly_failing == ["prompt 1", "prompt 2", "prompt 3"]
    assert free.outcomes.newly_passing == ["prompt 0"]
    assert free.outcomes.p == 5 / 16
    assert free.outcomes.detail.startswith("3 images newly fail, 1 newly passes (exact sign test")
    for allowed, gate in ((3, "passed"), (2, "failed"), (0, "failed")):
        found = compare_with_baseline(after, baseline, {}, newly_failing=allowed)
        assert (found.gate, found.outcomes.gate) == (gate, gate)


def test_a_bound_on_new_failures_fails_where_they_are_not_known():
    before, after = run(6, thresholds="ours.toml"), run(6, thresholds="ours.toml")
    assert against(after, before, {}, newly_failing=0).gate == "passed"
    lost = [*after[:-1], image(5, None, outcome="error", error="gone", level1={}, fingerprint={})]
    assert against(lost, before, {}, newly_failing=1).gate == "failed"
    for entry in before:
        entry.thresholds = ""  # no bounds were applied
    found = against(after, before, {}, newly_failing=1)
    assert found.gate == "failed"
    assert "not known" in found.outcomes.detail


def test_without_margins_it_reports_and_gates_nothing():
    found = against(run(60, 2, 0.4), run(60), {})
    assert found.gate is None
    assert {row.outcome for row in found.rows} == {None}
    row = by_path(found)["total",]
    assert "a drop is shown" in row.detail
    assert len(found.rows) == 29


def test_the_family_is_what_has_a_margin():
    before, after = run(60), run(60, 2)
    alone = by_path(against(after, before, {(): 2.0}))["total",]
    among = by_path(against(after, before))["total",]
    assert among.high - among.low > alone.high - alone.low


@pytest.mark.parametrize("now", [20.0, 60.0])
def test_too_few_pairs_for_an_interval_have_none_and_say_so(now):
    few, enough = (
        by_path(against([image(i, now) for i in range(n)], [image(i, 60.0) for i in range(n)], {})) for n in (5, 6)
    )
    for row in few.values():
        assert (row.low, row.high) == (None, None)
        assert row.detail == "5 pairs: too few for a 95% interval, which needs 6"
    for row in enough.values():
        assert row.low == row.high == row.change == now - 60
        assert row.detail == ("a drop is shown" if now < 60 else "")


def test_one_prompt_more_than_five_is_needed_however_many_pairs_there_are():
    def runs(score):
        return [image(i, score, prompt=f"prompt {i % 5}") for i in range(20)]

    assert {row.detail for row in against(runs(20.0), runs(60.0), {}).rows} == {
        "5 prompts: too few for a 95% interval, which needs 6"
    }


def test_under_five_pairs_there_is_no_gate():
    found = against([image(i, 0.0) for i in range(4)], [image(i, 100.0) for i in range(4)])
    row = by_path(found)["total",]
    assert (row.outcome, row.low, row.change, found.gate) == ("undecided", None, -100, "undecided")
    assert (row.p, row.needed) == (None, 5)
    assert "fewer than 5 different pairs" in row.detail


@pytest.mark.parametrize(
    "lost",
    [
        {"error": "gone", "total": None, "level1": {}, "level2": {}, "fingerprint": {}},
        {"unreadable": [["Quality"]], "total": None, "level1": dict.fromkeys(LEVEL1)},
    ],
)
def test_what_was_not_judged_fails_the_gate(lost):
    before = run(30)
    after = [*before[:-1], image(29, outcome="error", **lost)]
    found = against(after, before)
    assert found.gate == "failed"
    assert by_path(found)["total",].not_judged == 1
    assert found.not_judged == ["prompt 29"]


def test_a_new_image_that_was_not_judged_is_not_of_the_baseline():
    before = run(30)
    after = [*before, image(99, None, error="gone", outcome="error", level1={}, fingerprint={})]
    assert against(after, before).gate == "passed"


def test_nothing_in_common_fails_the_gate():
    found = against([image(i + 100) for i in range(10)], [image(i) for i in range(10)])
    assert found.gate == "failed"
    assert (found.pairs, len(found.new), len(found.missing)) == (0, 10, 10)
    assert against([image(1)], []).gate == "failed"


def test_new_missing_and_changed_are_listed():
    before = [image(i, id=str(i)) for i in range(10)]
    after = [image(i, id=str(i), pixels="other" if i == 4 else f"pixels {i}") for i in range(2, 12)]
    after[3] = image(5, id="5", prompt="another question")
    found = against(after, before)
    assert (found.new, found.missing, found.changed, found.reworded) == (["10", "11"], ["0", "1"], ["4"], ["5"])
    assert found.pairs == 7
    text = "\n".join(found.warnings)
    assert "2 new, not in the baseline, not compared: " in text
    assert "2 of the baseline, not in this run: " in text
    assert "1 with another prompt, or asked about other dimensions, not compared: " in text
    assert "other pixels than in the baseline: 1 of 7 images" in text


def test_other_dimensions_asked_are_another_question():
    before = [image(i) for i in range(10)]
    after = [image(i, level1={"Quality": 60.0}) for i in range(10)]
    found = against(after, before)
    assert len(found.reworded) == 10
    assert found.gate == "failed"


def test_pairs_by_id_else_by_prompt_and_seed_else_by_count():
    before = [
        image(0, 10.0, id="a", prompt="x"),
        image(1, 20.0, prompt="fox", seed=1),
        image(2, 30.0, prompt="fox", seed=2),
        image(3, 40.0, prompt="owl"),
        image(4, 50.0, prompt="owl"),
    ]
    after = [before[2], before[1], before[0], before[3], before[4]]
    found = against(after, before, {})
    assert found.pairs == 5
    assert by_path(found)["total",].change == 0
    swapped = [*before[:3], before[4], before[3]]  # the count of a prompt is its order in the run
    paired = against(swapped, before, {})
    assert paired.pairs == 5
    assert paired.changed == ["owl", "owl #2"]


def test_the_count_of_a_prompt_does_not_depend_on_which_worker_was_quicker():
    before = [image(i, 10.0 * i, prompt="owl", test=f"test_{i}") for i in range(6)]
    shuffled = [before[i] for i in (3, 0, 5, 1, 4, 2)]
    found = against(shuffled, before, {})
    assert (found.pairs, found.changed) == (6, [])


def test_seeds_of_a_prompt_are_a_cluster():
    rng = random.Random(1)
    drops = [rng.gauss(-3, 10) for _ in range(10)]
    before = [image(i, 60.0, prompt=f"p{i // 8}", seed=i) for i in range(80)]
    after = [image(i, 60 + drops[i // 8], prompt=f"p{i // 8}", seed=i) for i in range(80)]
    apart = [image(i, 60 + drops[i // 8]) for i in range(80)]
    clustered = by_path(against(after, before, {(): 0.0}))["total",]
    alone = by_path(against(apart, [image(i) for i in range(80)], {(): 0.0}))["total",]
    assert clustered.high - clustered.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "other"}, "model: 'judge' before, 'other' now"),
        ({"revision": None}, "revision: 'r1' before, none now"),
        ({"protocol_digest": "e"}, "protocol_digest"),
        ({"treatment": "keep"}, "treatment"),
        ({"sampling": {"temperature": 1}}, "sampling.temperature: 0 before, 1 now"),
        ({"quantization": "fp8"}, "quantization: none before, 'fp8' now"),
    ],
)
def test_another_judge_is_refused_with_what_differs(change, words):
    before = run(10)
    after = run(10)
    for entry in after:
        entry.fingerprint.update(change)
    with pytest.raises(ConfigError) as caught:
        against(after, before, file="base.json")
    assert words in str(caught.value)
    assert "base.json" in str(caught.value)
    assert "  pytest --judge-baseline base.json --judge-update-baseline\n" in str(caught.value)
    assert ("has other words now" in str(caught.value)) == ("protocol_digest" in change)
    with pytest.raises(ConfigError, match="\n  imagejudge me\n"):
        against(after, before, file="base.json", renew="imagejudge me")
    with pytest.raises(ConfigError):  # also where nothing is in common
        against([image(99, fingerprint={**before[0].fingerprint, **change})], before)


def test_another_engine_is_a_warning(tmp_path):
    before = run(10)
    update_baseline(tmp_path / "b.json", before)
    for entry in before:
        entry.fingerprint.update(engine_version="2", notes=["unconstrained"])
    found = compare_with_baseline(before, read_baseline(tmp_path / "b.json"), MARGINS)
    assert found.gate == "passed"
    assert any("vllm 1 before, vllm 2 now" in line for line in found.warnings)
    assert any("unconstrained" in line for line in found.warnings)


def test_edits_pair_likewise_and_wait_for_edits():
    before = [edit(i, 4.5) for i in range(10)]
    after = [edit(i, 2.0) for i in range(10)]
    found = against([], before, {}, edits=after, edit_margin=0.5)
    row = by_path(found)["score",]
    assert (found.gate, row.outcome, row.change) == ("failed", "failed", -2.5)
    assert against(run(10), run(10), {}, edit_margin=0.5).gate is None
    both = against(run(30), [*run(30), *before], MARGINS, edits=[edit(i, 4.5) for i in range(10)], edit_margin=0.5)
    assert both.gate == "passed"


def test_margins_are_checked():
    for margins, words in (
        ({("Quality", "Detail", "Noise"): 1.0}, "not for the facet"),
        ({("Qualty",): 1.0}, 'did you mean "Quality"'),
        ({(): -1.0}, "at least 0"),
        ({(): float("nan")}, "at least 0"),
    ):
        with pytest.raises(ConfigError, match=words):
            against(run(5), run(5), margins)


def test_unjudged_images_stay_out_of_the_file(tmp_path):
    lost = image(9, None, error="gone", outcome="error", level1={})
    assert update_baseline(tmp_path / "b.json", [*run(3), lost]) == (3, ["prompt 9"])
    with pytest.raises(ConfigError, match="no image of this run was judged"):
        update_baseline(tmp_path / "c.json", [lost])
    assert not (tmp_path / "c.json").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "schema is None"),
        ('{"schema": "imagejudge-report/1"}', "that is a report"),
        ('{"schema": "imagejudge-baseline/2", "judges": {}, "images": []}', "imagejudge-baseline/1"),
        ('{"schema": "imagejudge-baseline/1", "images": []}', "judges"),
        ('{\n<<<<<<< HEAD\n"schema": "imagejudge-baseline/1"}', "line 2: a merge conflict"),
        ('{"schema": "imagejudge-baseline/1", "judges": {}, "images": [{"prompt": "x", "judge": "a"}]}', "its judge"),
        (
            '{"schema": "imagejudge-baseline/1", "judges": {"a": {}}, '
            '"images": [{"prompt": "x", "judge": "a", "total": 101}]}',
            "images.0.total",
        ),
        (
            '{"schema": "imagejudge-baseline/1", "judges": {"a": {}}, '
            '"images": [{"prompt": "x", "judge": "a", "total": NaN}]}',
            "images.0.total",
        ),
        (
            '{"schema": "imagejudge-baseline/1", "judges": {"a": {}}, '
            '"images": [{"prompt": "x", "judge": "a", "level1": {"Qualty": 1}}]}',
            'did you mean "Quality"',
        ),
        (
            '{"schema": "imagejudge-baseline/1", "judges": {"a": {}}, '
            '"images": [{"prompt": "x", "judge": "a", "total": 1}, {"prompt": "x", "judge": "a", "total": 2}]}',
            "appears twice",
        ),
        ('{"schema": "imagejudge-baseline/1", "judges": {}, "images": ' + "[" * 5000, "not"),
    ],
)
def test_a_file_that_is_no_baseline(tmp_path, text, words):
    file = tmp_path / "b.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_baseline(file)
    assert words in str(caught.value)
    assert "b.json" in str(caught.value)


def test_a_file_that_is_missing_or_not_text(tmp_path):
    with pytest.raises(ConfigError, match="--judge-update-baseline"):
        read_baseline(tmp_path / "none.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_baseline(tmp_path / "b.json")


texts = st.text(max_size=20)


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), texts), texts, st.one_of(st.none(), st.integers()), st.floats(0, 100)),
        min_size=1,
    )
)
def test_any_prompt_id_and_seed_survive_the_file(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("baseline") / "b.json"
    entries = [image(i, value, id=name, prompt=prompt, seed=seed) for i, (name, prompt, seed, value) in enumerate(rows)]
    update_baseline(file, entries)
    found = compare_with_baseline(entries, read_baseline(file), {(): 0.0})
    assert (found.pairs, found.new, found.missing, found.reworded) == (len(rows), [], [], [])
    assert by_path(found)["total",].change == 0
    first = file.read_bytes()
    write_baseline(file, read_baseline(file))
    assert file.read_bytes() == first
