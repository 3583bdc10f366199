"""How the layouts of public data sets are read: twenty and more as they are handed out, made of names alone."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

import pytest

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.reading.layout import Arrangement, arrange

Counts = dict[str, dict[str, int]]


def files(*folders: str, number: int = 4, name: str = "{}.jpg") -> list[PurePosixPath]:
    """So many pictures in each of the folders."""
    return [PurePosixPath(folder, name.format(i)) for folder in folders for i in range(number)]


def below(root: str, names: Iterable[str]) -> list[str]:
    return [f"{root}/{name}" for name in names]


def counts(arrangement: Arrangement) -> Counts:
    return {part: dict(Counter(classes.values())) for part, classes in arrangement.parts.items()}


def each(names: str, number: int = 4) -> dict[str, int]:
    return dict.fromkeys(names.split(), number)


TUMOURS = "glioma meningioma notumor pituitary"
READ = {
    "one folder a class": (files("cat", "dog"), {"train": each("cat dog")}),
    "parts that differ in one word, images to predict in the other": (
        [*files("abc_train/abc_train/A", "abc_train/abc_train/B"), *files("abc_test/abc_test", number=2)],
        {"train": each("A B")},
    ),
    "folders of both class and part": (
        files("cats_train", "cats_test", "dogs_train", "dogs_test"),
        {"train": each("cats dogs"), "test": each("cats dogs")},
    ),
    "part before class": (
        files("train_cat", "train_dog", "test_cat", "test_dog"),
        {"train": each("cat dog"), "test": each("cat dog")},
    ),
    "the data beside a folder of images of the web page": (
        [*files("data/cat", "data/dog"), *files("assets", number=1)],
        {"train": each("cat dog")},
    ),
    "images without a class beside those with one": (
        [*files("labeled/cat", "labeled/dog"), *files("unlabeled", number=9)],
        {"train": each("cat dog")},
    ),
    "segmentations in folders of the same names": (
        files("CUB/images/001", "CUB/images/002", "segmentations/001", "segmentations/002"),
        {"train": each("001 002")},
    ),
    "patients, most of one class alone": (
        files("10253/0", "10253/1", "10254/0", "10255/0", "10256/1", "10257/0"),
        {"train": {"0": 16, "1": 8}},
    ),
    "pieces whose names differ in case": (
        files("part1/Cat", "part1/dog", "part2/cat", "part2/dog"),
        {"train": {"Cat": 8, "dog": 8}},
    ),
    "letters have two cases": (files("a", "A", "b"), {"train": each("a A b")}),
    "visits of one class alone are no classes beside the other": (
        files("lynx/2019", "lynx/2020", "fox"),
        {"train": {"lynx": 8, "fox": 4}},
    ),
    "in a folder of the archive": (files("PetImages/Cat", "PetImages/Dog"), {"train": each("Cat Dog")}),
    "Training and Testing": (
        files(*below("Training", TUMOURS.split()), *below("Testing", TUMOURS.split())),
        {"train": each(TUMOURS), "test": each(TUMOURS)},
    ),
    "archives unpacked into their own names, and images to predict": (
        [
            *files(
                *below("seg_train/seg_train", ["forest", "sea"]), *below("seg_test/seg_test", ["forest", "sea"])
            ),
            *files("seg_pred/seg_pred", number=9),
        ],
        {"train": each("forest sea"), "test": each("forest sea")},
    ),
    "a copy of all within, and what the packer left": (
        files(
            *(
                f"{top}/{part}/{name}"
                for top in ("chest_xray", "chest_xray/chest_xray")
                for part in ("train", "test", "val")
                for name in ("NORMAL", "PNEUMONIA")
            )
        ),
        {"train": each("NORMAL PNEUMONIA"), "test": each("NORMAL PNEUMONIA")},
    ),
    "a copy of all classes among them": (
        files(
            *below("cell_images", ["Parasitized", "Uninfected"]),
            *below("cell_images/cell_images", ["Parasitized", "Uninfected"]),
        ),
        {"train": each("Parasitized Uninfected")},
    ),
    "val, and no test": (
        files(
            *below("hymenoptera_data/train", ["ants", "bees"]), *below("hymenoptera_data/val", ["ants", "bees"])
        ),
        {"train": each("ants bees"), "test": each("ants bees")},
    ),
    "masks below each class": (
        files(*(f"Radiography/{name}/{what}" for name in ("COVID", "Normal") for what in ("images", "masks"))),
        {"train": each("COVID Normal")},
    ),
    "masks beside each image": (
        [
            *files("BUSI/benign", "BUSI/normal", name="lesion ({}).png"),
            *files("BUSI/benign", name="lesion ({})_mask.png"),
            *files("BUSI/normal", name="lesion ({})_mask_1.png"),
        ],
        {"train": each("benign normal")},
    ),
    "masks whose names differ in their words": (
        [
            place
            for kind in ("fish", "mask")
            for i in (1, 2)
            for place in files(f"{kind}_image/{kind}_{i}", name=f"{kind}_{i}_0{{}}.png")
        ],
        {"train": each("fish_1 fish_2")},
    ),
    "training and validation in one folder": (
        files(*(f"{part}/{name}" for part in ("Training and Validation", "Testing") for name in ("fire", "none"))),
        {"train": each("fire none"), "test": each("fire none")},
    ),
    "a set of images to mark beside one in parts": (
        [
            *files("dataset-master/dataset-master/JPEGImages", number=9),
            *files(*(f"dataset2-master/images/{part}/{n}" for part in ("TRAIN", "TEST") for n in ("EOS", "LYM"))),
        ],
        {"train": each("EOS LYM"), "test": each("EOS LYM")},
    ),
    "masks are classes": (files("mask", "no_mask"), {"train": each("mask no_mask")}),
    "faces with masks": (
        files(
            *(
                f"Face/{part}/{name}"
                for part in ("Train", "Test", "Validation")
                for name in ("WithMask", "WithoutMask")
            )
        ),
        {"train": each("WithMask WithoutMask"), "test": each("WithMask WithoutMask")},
    ),
    "a folder a patient": (
        files(*(f"{patient}/{name}" for patient in ("10253", "10254", "12748") for name in "01")),
        {"train": {"0": 12, "1": 12}},
    ),
    "numbered pieces": (
        files(*(f"data_part{i}/{name}" for i in (1, 2) for name in ("cat", "dog"))),
        {"train": each("cat dog", 8)},
    ),
    "classes with numbers for names": (
        files(*map(str, range(12))),
        {"train": each(" ".join(map(str, range(12))))},
    ),
    "classes of five digits": (files("00000", "00001"), {"train": each("00000 00001")}),
    "a test set without classes": (
        [*files(*below("Train", ["0", "1", "2"])), *files("Test", number=6), *files("Meta", number=3)],
        {"train": each("0 1 2")},
    ),
    "a folder of images below each class": (
        [*files("train/n01/images", "train/n02/images"), *files("val/images", "test/images")],
        {"train": each("n01 n02")},
    ),
    "images and annotations": (
        files(
            *(
                f"NEU-DET/{part}/images/{name}"
                for part in ("train", "validation")
                for name in ("crazing", "patches")
            )
        ),
        {"train": each("crazing patches"), "test": each("crazing patches")},
    ),
    "parts inside each class": (
        files(*(f"{name}/{part}" for name in ("cat", "dog") for part in ("train", "test"))),
        {"train": each("cat dog"), "test": each("cat dog")},
    ),
    "names that differ in their case": (
        files("train/Cat", "train/Dog", "test/cat", "test/dog"),
        {"train": each("Cat Dog"), "test": each("Cat Dog")},
    ),
    "several folders to train on": (
        files("train_1/cat", "train_1/dog", "train_2/cat", "train_2/dog", "test/cat", "test/dog"),
        {"train": each("cat dog", 8), "test": each("cat dog")},
    ),
    "loose images beside the classes": (
        [*files("cat", "dog"), *files(".", number=2)],
        {"train": each("cat dog")},
    ),
    "thumbnails": (
        files("cat", "dog", "cat/thumbs", "dog/thumbs"),
        {"train": each("cat dog")},
    ),
    "fruits": (
        [
            *files(*below("Training", ["Apple", "Pear"]), *below("Test", ["Apple", "Pear"])),
            *files("test-multiple_fruits"),
        ],
        {"train": each("Apple Pear"), "test": each("Apple Pear")},
    ),
    "slides": (
        files(
            *(
                f"breast/{kind}/SOB/{of}/{i}/40X"
                for kind, of in (("benign", "adenosis"), ("malignant", "lobular"))
                for i in (1, 2)
            )
        ),
        {"train": each("benign malignant", 8)},
    ),
    "organs of several classes": (
        files(
            "colon_image_sets/colon_aca",
            "colon_image_sets/colon_n",
            "lung_image_sets/lung_aca",
            "lung_image_sets/lung_n",
        ),
        {"train": each("colon_image_sets lung_image_sets", 8)},
    ),
    "a smaller training set alone": (
        files(*(f"{part}/{name}" for part in ("train_mini", "val") for name in ("00000_Aves", "00001_Aves"))),
        {"train": each("00000_Aves 00001_Aves"), "test": each("00000_Aves 00001_Aves")},
    ),
    "parts in an archive of their own, and images to predict beside it": (
        [
            *files(
                *(f"Plants/Plants/{part}/{name}" for part in ("train", "valid") for name in ("scab", "healthy"))
            ),
            *files("test/test", number=2),
        ],
        {"train": each("scab healthy"), "test": each("scab healthy")},
    ),
    "super-categories above the classes": (
        files(
            "train_val/Aves/pica", "train_val/Aves/corvus", "train_val/Plantae/bellis", "train_val/Plantae/rosa"
        ),
        {"train": each("Aves Plantae", 8)},
    ),
    "enumerated parts": (
        files(*(f"{part}/{name}" for part in ("a. Training Set", "b. Testing Set") for name in ("0", "1"))),
        {"train": each("0 1"), "test": each("0 1")},
    ),
    "classes called after parts": (files("bus", "train"), {"train": each("bus train")}),
    "a copy of all within a folder beside it": (
        files("animals/cat", "animals/dog", "data/animals/cat", "data/animals/dog"),
        {"train": each("cat dog")},
    ),
    "wrappers of their own names, one of which has the classes": (
        [*files("images/images/Monet", "images/images/Klee"), *files("resized/resized", number=3)],
        {"train": each("Monet Klee")},
    ),
    "archives in folders of their own names, one of which has the classes": (
        [*files("tiles_5000/tiles_5000/tumour", "tiles_5000/tiles_5000/stroma"), *files("large_10/large_10")],
        {"train": each("tumour stroma")},
    ),
    "subjects, and a copy of all within": (
        files(*(f"{top}/{i}/{name}" for top in ("hands", "hands/hands") for i in ("00", "01") for name in "ab")),
        {"train": each("a b", 8)},
    ),
    "a test set without classes beside what holds them": (
        [*files("simpsons_dataset/bart", "simpsons_dataset/homer"), *files("kaggle_testset/kaggle_testset")],
        {"train": each("bart homer")},
    ),
    "classes with augmented versions": (
        files("benign", "malignant", "benign_augmented", "malignant_augmented"),
        {"train": each("benign malignant")},
    ),
    "augmented versions in each class": (
        files("0", "0/flipped", "0/rotated", "1", "1/augmented"),
        {"train": each("0 1")},
    ),
    "an augmented set beside the original one": (
        files(*(f"{top}/{name}" for top in ("OriginalDataset", "AugmentedDataset") for name in ("ill", "well"))),
        {"train": each("ill well")},
    ),
    "all are augmented": (
        files("Monkeypox_augmented", "Others_augmented"),
        {"train": each("Monkeypox_augmented Others_augmented")},
    ),
    "figures and predictions": (
        [*files("yes", "no"), *files("Figures", "pred", "docs", number=2)],
        {"train": each("yes no")},
    ),
    "crops and weeds": (files("crop", "weed"), {"train": each("crop weed")}),
    "masks two levels down": (
        files(*(f"{name}/{what}" for name in ("ill", "well") for what in ("CXR", "leftMask", "rightMask"))),
        {"train": each("ill well")},
    ),
    "masks below a folder of both": (
        files("ill/CXR", "ill/ManualMask/leftMask", "well/CXR", "well/ManualMask/rightMask"),
        {"train": each("ill well")},
    ),
    "masks are classes among folders of numbered images": (
        files("with_mask", "without_mask"),
        {"train": each("with_mask without_mask")},
    ),
    "archives of parts in folders of their full names": (
        files(*(f"pets_{part}/{part}/{name}" for part in ("train", "test") for name in ("cat", "dog"))),
        {"train": each("cat dog"), "test": each("cat dog")},
    ),
    "development and holdout": (
        files(*(f"{part}/{name}" for part in ("development", "holdout") for name in ("cat", "dog"))),
        {"train": each("cat dog"), "test": each("cat dog")},
    ),
    "one of two folders is named after a part": (
        files(*(f"{part}/{name}" for part in ("NCT-CRC-100K", "CRC-VAL-7K") for name in ("ADI", "LYM"))),
        {"train": each("ADI LYM"), "test": each("ADI LYM")},
    ),
    "a test set in the name of a folder, and one without classes": (
        [*files("rps/rock", "rps/paper", "rps-test-set/rock", "rps-test-set/paper"), *files("rps-validation")],
        {"train": each("rock paper"), "test": each("rock paper")},
    ),
    "images to test beside the classes": (
        [*files("cat", "dog"), *files("test", number=2)],
        {"train": each("cat dog")},
    ),
    "a set unpacked twice into folders that differ in their case": (
        files(*(f"{top}/{part}/{n}" for top in ("Set(A)", "set(a)") for part in ("train", "valid") for n in "xy")),
        {"train": each("x y"), "test": each("x y")},
    ),
    "parts of one other word, beside a test set of none": (
        files(*(f"{part}/{n}" for part in ("train_more", "test_more", "test") for n in ("flood", "no_flood"))),
        {"train": each("flood no_flood"), "test": each("flood no_flood")},
    ),
    "what describes the images of each class": (
        files(*(f"{name}/{name}{more}" for name in ("Sea Bass", "Trout") for more in ("", " GT"))),
        {"train": {"Sea Bass": 4, "Trout": 4}},
    ),
    "classes in pieces that are numbered by their images": (
        files(*(f"{name}/{piece}" for name in ("BLA", "EOS") for piece in ("0001-1000", "1001-2000"))),
        {"train": each("BLA EOS", 8)},
    ),
    "classes of longer names to train on": (
        files("train/carcinoma_T2", "train/normal", "test/carcinoma", "test/normal"),
        {"train": each("carcinoma_T2 normal"), "test": each("carcinoma_T2 normal")},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_layouts_that_are_read(name: str) -> None:
    pictures, expected = READ[name]
    found = arrange(pictures)
    assert counts(found) == expected
    read = [place for classes in found.parts.values() for place in classes]
    passed = [place for places in found.passed_over.values() for place in places]
    assert sorted([*read, *passed]) == sorted(pictures)


REFUSED = {
    "products with parts of their own": (
        [
            *files(*(f"{product}/train/good" for product in ("bottle", "cable"))),
            *files(*(f"{product}/test/{name}" for product in ("bottle", "cable") for name in ("good", "broken"))),
            *files(*(f"{product}/ground_truth/broken" for product in ("bottle", "cable"))),
        ],
        "each have parts and classes of their own",
    ),
    "one product": (
        files("train/good", "test/good", "test/broken", "ground_truth/broken"),
        r"one class folder \(good\)",
    ),
    "three kinds of the same images": (
        files(*(f"{kind}/{name}" for kind in ("color", "grayscale", "segmented") for name in ("apple", "grape"))),
        "either may be the classes; choose the level with data.class_level",
    ),
    "pieces of a set, and a table elsewhere": (
        files("HAM10000_images_part_1", "HAM10000_images_part_2"),
        "named as pieces of one set, not as classes; if a table gives the class of each image",
    ),
    "pieces named as such": (files("images_001", "images_002"), "named as pieces of one set, not as classes"),
    "lettered pieces": (
        files("images/imagesa/a", "images/imagesb/b", "images/imagesc/c"),
        "named as pieces of one set, not as classes",
    ),
    "enumerated parts without classes": (files("a. Training Set", "b. Testing Set"), "no class folders"),
    "the same images twice, to train on": (files("resized_train", "resized_train_cropped"), "no class folders"),
    "a smaller training set beside the whole": (
        files(*(f"{part}/{name}" for part in ("train", "train_small", "test") for name in ("cat", "dog"))),
        "beside test/, train/ there are train_small/ with 8 more images",
    ),
    "numbered patients": (
        files("patient00001/study1", "patient00002/study1", "patient00003/study1"),
        "are numbered like patients or visits, not like classes.*set data.class_level=1",
    ),
    "no folders": (files("."), "4 images lie in the folder itself; if a table gives the class"),
    "parts without classes": (files("train", "test"), "no class folders"),
    "parts, and a set of its own": (
        files(
            *below("casting_data/train", ["def", "ok"]),
            *below("casting_data/test", ["def", "ok"]),
            *below("casting_512x512", ["def", "ok"]),
        ),
        "casting_data/ holds parts of a data set of its own, beside casting_512x512/",
    ),
    "parts beside classes": (
        files("train/cat", "train/dog", "test/cat", "test/dog", "cat/more", "dog/more"),
        "beside test/, train/ there are cat/, dog/ with 8 more images",
    ),
    "nothing to train on": (files("test/cat", "test/dog"), "there is no training set"),
    "parts without classes, and what is drawn in them": (
        files("train", "trainannot", "val", "valannot", "test", "testannot"),
        "no class folders",
    ),
    "parts without classes, and masks of one": (files("train", "train_masks", "test"), "no class folders"),
    "images, and what was drawn by hand": (
        files("training/images", "training/1st_manual", "test/images", "test/1st_manual"),
        "1st_manual/, images/: images/ has the name of a folder of all images",
    ),
    "Pascal's images and masks": (
        files("VOC/JPEGImages", "VOC/SegmentationClass", "VOC/SegmentationObject"),
        r"one class folder \(JPEGImages\)",
    ),
    "domains of the same classes, in folders of images": (
        files(*(f"{domain}/images/{name}" for domain in ("amazon", "dslr") for name in ("bike", "mug"))),
        r"have folders of the same names in them \(bike/, mug/\), and either may be the classes",
    ),
    "one class beside a part of its name": (
        files("Faces", "crop_part1"),
        r"one class folder \(Faces/\) beside crop_part1/, which by their names are not classes",
    ),
    "a folder of all classes, by its name, beside others": (
        files("images/hole", "images/short", "rotation/hole_r", "rotation/short_r", "PCB"),
        r"images/ has folders in it \(hole/, short/\) and lies beside PCB/, rotation/: the classes may be",
    ),
    "more images of a class beside parts": (
        files("train/A", "train/B", "additional_A/A", "additional_B/B"),
        r"beside train/ there are additional_A/, additional_B/ with 8 more images",
    ),
    "parts without classes beside classes": (
        files("yes", "no", "RCNN/TRAIN", "RCNN/TEST"),
        r"RCNN/ holds parts \(TEST/, TRAIN/\) without classes, beside no/, yes/",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_layouts_that_are_refused(name: str) -> None:
    pictures, said = REFUSED[name]
    with pytest.raises(DataError, match=said):
        found = arrange(pictures)
        pytest.fail(str(counts(found)))


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["cells/red", "cells/white", "other"], "the classes may be the folders in cells/, or these themselves"),
        (["Cat", "cat", "dog"], "differ only in upper and lower case"),
    ],
)
def test_folders_that_may_mean_two_things_are_refused(folders: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        arrange(files(*folders))


def test_pieces_of_one_set_are_said() -> None:
    found = arrange(files(*(f"{year}/{name}" for year in (2019, 2020) for name in ("cat", "dog"))))
    assert found.notes == ("2019/, 2020/ are read as pieces of one set",)
    assert counts(found) == {"train": each("cat dog", 8)}


def test_groups_may_be_in_both_parts() -> None:
    places = [f"{part}/{name}/p{i}" for part in ("train", "test") for name in ("ill", "well") for i in range(3)]
    found = arrange(files(*places), has_groups=True)
    assert counts(found) == {"train": each("ill well", 12), "test": each("ill well", 12)}
    assert set(found.groups.values()) == {"p0", "p1", "p2"}


@pytest.mark.parametrize("root", ["", "train_val_images/", "a/b/"])
def test_the_level_that_a_note_names_is_the_one_that_is_read(root: str) -> None:
    """Folders around all are no level."""
    pictures = files(*(f"{root}{name}" for name in ("Aves/pica", "Aves/corvus", "Plantae/rosa")))
    upper = arrange(pictures)
    assert counts(upper) == {"train": {"Aves": 8, "Plantae": 4}}
    assert "(corvus/, pica/) are read as part of the class; with data.class_level=2" in upper.notes[0]
    assert counts(arrange(pictures, class_level=2)) == {"train": each("pica corvus rosa")}
    assert counts(arrange(pictures, class_level=1)) == counts(upper)


def test_a_folder_of_pictures_is_no_level() -> None:
    pictures = files(*(f"{domain}/images/{name}" for domain in ("amazon", "dslr") for name in ("bike", "mug")))
    assert counts(arrange(pictures, class_level=2)) == {"train": each("bike mug", 8)}
    assert counts(arrange(pictures, class_level=1)) == {"train": each("amazon dslr", 8)}


def test_no_level_is_named_that_has_no_two_folders() -> None:
    """Two classes with one folder each, of one name."""
    found = arrange(files("cat/session", "dog/session"))
    assert found.notes == ("the folders in class folders (session/) are read as part of the class",)


def test_a_class_whose_name_says_nothing_is_said() -> None:
    found = arrange(files("cat", "dog", "new_images"))
    assert counts(found) == {"train": each("cat dog new_images")}
    assert found.notes == (
        "read as a class although the name is not specific: new_images/; data.exclude leaves it out",
    )


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (
            ("cat", "dog", "cat_augmented"),
            "by their names these are versions of other folders and are skipped: cat_augmented/; data.train or "
            "data.class_level=1 reads them",
        ),
        (
            ("cat", "dog", "Figures"),
            "by their names these folders are not classes and are skipped: Figures/; data.class_level=1 reads "
            "them as classes",
        ),
    ],
)
def test_what_is_passed_over_by_its_name_is_said_and_can_be_read(folders: tuple[str, ...], said: str) -> None:
    pictures = files(*folders)
    found = arrange(pictures)
    assert counts(found) == {"train": each("cat dog")} and found.notes == (said,)
    assert sum(map(len, found.passed_over.values())) == 4
    assert counts(arrange(pictures, class_level=1)) == {"train": each(" ".join(folders))}
