import pytest

from orchestrator.driver.latencies import MAX_MODELS, MIN_SAMPLES, WINDOW, Latencies


def test_little_is_known_from_few_calls() -> None:
    latencies = Latencies()
    for _ in range(MIN_SAMPLES - 1):
        latencies.add("m", "answer", 100)

    assert latencies.p95_ms("m", "answer") is None


def test_the_95th_percentile_of_the_last_calls_by_model_and_kind() -> None:
    latencies = Latencies()
    for duration_ms in range(1, 21):
        latencies.add("m", "answer", duration_ms)
        latencies.add("m", "ballot", 5)

    assert latencies.p95_ms("m", "answer") == 20
    assert latencies.p95_ms("m", "ballot") == 7
    assert latencies.p95_ms("other", "answer") is None


def test_old_calls_are_forgotten() -> None:
    latencies = Latencies()
    latencies.add("m", "answer", 99_999)
    for _ in range(WINDOW):
        latencies.add("m", "answer", 10)

    assert latencies.p95_ms("m", "answer") == 15


def test_the_number_of_models_is_bounded() -> None:
    latencies = Latencies()
    for number in range(MAX_MODELS + 5):
        for _ in range(MIN_SAMPLES):
            latencies.add(f"m{number}", "answer", 1)

    assert latencies.p95_ms("m0", "answer") is None
    assert latencies.p95_ms(f"m{MAX_MODELS + 4}", "answer") == 1


@pytest.mark.requirement("coordination:slow-model-heard")
def test_a_steady_model_is_not_late_before_half_of_its_median_has_passed() -> None:
    latencies = Latencies()
    for duration_ms in range(990, 1010):
        latencies.add("m", "answer", duration_ms)

    assert latencies.p95_ms("m", "answer") == 1500
