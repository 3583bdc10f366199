from gan_study.study.listing import listing
from tests.plugin_packages import install


def test_parts_of_others_stand_behind_our_own_and_hide_none(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = listing()["Classifiers"]
    install(tmp_path, "zoo_list", "raise SystemExit", classifiers={"zebra": "zoo_list:Z", "mlp": "zoo_list:M"})
    found = listing()["Classifiers"]
    assert list(found) == [*before, "zebra"]
    assert found["zebra"] == "of zoo_list 1.0: zoo_list:Z"
    assert found["mlp"] == f"{before['mlp']}; not used: zoo_list 1.0: zoo_list:M"
