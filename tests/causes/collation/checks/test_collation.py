import locale


def test_names_are_sorted_as_in_a_phone_book():
    locale.setlocale(locale.LC_ALL, "")
    assert sorted(["Zoe", "adam", "Bea"], key=locale.strxfrm) == ["adam", "Bea", "Zoe"]
