from conclave_cli import exit_codes


def test_every_status_is_explained():
    codes = [value for value in vars(exit_codes).values() if isinstance(value, int)]

    assert len(codes) == len(set(codes))
    assert all(f"\n  {code:<3}  " in exit_codes.EXPLANATION for code in codes)
