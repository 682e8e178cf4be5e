"""Datasets of pictures in files: small ones made here in the published form, read by torchvision and by
us.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import rushlight
from rushlight.vision import datasets
from support.pictures import as_array, pixels

Image = pytest.importorskip("PIL.Image")


def draw(path, seed=0, mode="RGB", size=(6, 7)):
    """A small picture in a file of any kind; PNG data whatever the ending says, so that nothing is lost."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = size if mode == "L" else (*size, 3)
    Image.fromarray(pixels(len(path.name) + seed, *shape)).save(path, format="PNG")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def dtd(root):
    names = ["dots/a.jpg", "lines/b.jpg", "dots/c.jpg"]
    for i, name in enumerate(names):
        draw(root / "dtd/dtd/images" / name, i)
    write(root / "dtd/dtd/labels/val3.txt", "\n".join(names) + "\n")
    return {"split": "val", "partition": 3}


def aircraft(root):
    data = root / "fgvc-aircraft-2013b/data"
    write(data / "families.txt", "Boeing 7\nAirbus\n")
    write(data / "images_family_test.txt", "01 Airbus\n02 Boeing 7\n")
    for i in (1, 2):
        draw(data / f"images/0{i}.jpg", i)
    return {"split": "test", "annotation_level": "family"}


def food(root):
    write(root / "food-101/meta/test.json", json.dumps({"pie": ["pie/1", "pie/2"], "ale": ["ale/3"]}))
    for i, name in enumerate(("pie/1", "pie/2", "ale/3")):
        draw(root / f"food-101/images/{name}.jpg", i)
    return {"split": "test"}


def signs(root):
    for i in range(2):
        draw(root / f"gtsrb/GTSRB/Training/0000{i}/x{i}.ppm", i)
    return {"split": "train"}


def signs_to_test(root):
    write(root / "gtsrb/GT-final_test.csv", "Filename;Width;ClassId\nb.ppm;3;7\na.ppm;4;2\n")
    for i, name in enumerate("ab"):
        draw(root / f"gtsrb/GTSRB/Final_Test/Images/{name}.ppm", i)
    return {"split": "test"}


def sentences(root):
    for kind in ("negative", "positive"):
        draw(root / f"rendered-sst2/valid/{kind}/0.png", len(kind))
    return {"split": "val"}


def clevr(root):
    folder = root / "clevr/CLEVR_v1.0"
    scenes = [{"image_filename": f"{name}.png", "objects": [{}] * len(name)} for name in ("aaa", "bb")]
    write(folder / "scenes/CLEVR_val_scenes.json", json.dumps({"scenes": scenes}))
    for name in ("aaa", "bb"):
        draw(folder / f"images/val/{name}.png")
    return {"split": "val"}


def sun(root):
    write(root / "SUN397/ClassName.txt", "/a/abbey\n/b/bar/indoor\n")
    draw(root / "SUN397/a/abbey/sun_a.jpg")
    draw(root / "SUN397/b/bar/indoor/sun_b.jpg", 1)
    return {}


def imagenette(root):
    for wnid in ("n01440764", "n03888257"):
        draw(root / f"imagenette2-160/val/{wnid}/x.jpeg", len(wnid))
    return {"split": "val", "size": "160px"}


def countries(root):
    for name in ("AD", "ZW"):
        draw(root / f"country211/valid/{name}/1.jpg")
    return {"split": "valid"}


def land(root):
    for name in ("Forest", "River"):
        draw(root / f"eurosat/2750/{name}/{name}_1.jpg", len(name))
    return {}


def coco(root):
    content = {
        "images": [{"id": 5, "file_name": "b.jpg"}, {"id": 2, "file_name": "a.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 5, "caption": "one", "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 5, "caption": "two", "bbox": [1, 2, 3, 5]},
        ],
    }
    write(root / "annotations.json", json.dumps(content))
    for i, name in enumerate("ab"):
        draw(root / f"{name}.jpg", i)
    return {"annFile": str(root / "annotations.json")}


VOC_XML = """<annotation><folder>VOC</folder><size><width>7</width><height>6</height></size>{}</annotation>"""
BOX = "<bndbox><xmin>1</xmin><xmax>3</xmax></bndbox>"
THING = "<object><name>{}</name>" + BOX + "<part><name>head</name></part></object>"


def voc(root):
    folder = root / "VOCdevkit/VOC2007"
    for part in ("Main", "Segmentation"):
        write(folder / f"ImageSets/{part}/test.txt", "000001\n000002\n")
    for i, things in ((1, ["cat"]), (2, ["dog", "cat"])):
        draw(folder / f"JPEGImages/00000{i}.jpg", i)
        draw(folder / f"SegmentationClass/00000{i}.png", i, mode="L")
        write(folder / f"Annotations/00000{i}.xml", VOC_XML.format("".join(map(THING.format, things))))
    return {"year": "2007", "image_set": "test"}


def pets(root):
    folder = root / "oxford-iiit-pet"
    write(folder / "annotations/test.txt", "great_dane_1 2 2 1\nAbyssinian_3 1 1 1\n")
    for name in ("great_dane_1", "Abyssinian_3"):
        draw(folder / f"images/{name}.jpg")
        draw(folder / f"annotations/trimaps/{name}.png", mode="L")
    return {"split": "test", "target_types": ["category", "binary-category", "segmentation"]}


def kitti(root):
    folder = root / "Kitti/raw/training"
    for i in range(2):
        draw(folder / f"image_2/{i}.png", i)
        write(folder / f"label_2/{i}.txt", f"Car 0.5 {i} 1.5 1 2 3 4 5 6 7 8 9 10 0.25\n")
    return {"train": True}


def flickr30k(root):
    write(root / "captions.token", "b.jpg#0\tone dog\na.jpg#0\ttwo cats\nb.jpg#1\ta dog\n")
    for i, name in enumerate("ab"):
        draw(root / f"{name}.jpg", i)
    return {"ann_file": str(root / "captions.token")}


def flickr8k(root):
    link = '<a href="x">http://flickr.com/photos/u/{}/</a>'
    row = f"<tr><td>{link}</td><td><ul><li>A dog .</li><li>B .</li></ul></td></tr>"
    write(root / "page.html", f"<html><table>{row.format('111')}{row.format('222')}</table></html>")
    for i, name in enumerate(("111_a.jpg", "222_b.jpg")):
        draw(root / name, i)
    return {"ann_file": str(root / "page.html")}


def sbu(root):
    write(
        root / "dataset/SBU_captioned_photo_dataset_urls.txt",
        "http://f/1.jpg\nhttp://f/2.jpg\nhttp://f/3.jpg\n",
    )
    write(root / "dataset/SBU_captioned_photo_dataset_captions.txt", "one\ntwo\nthree\n")
    write(root / "SBUCaptionedPhotoDataset.tar.gz", "")
    for i in (1, 3):
        draw(root / f"dataset/{i}.jpg", i)
    return {"download": False}


def semeion(root):
    rows = np.zeros((3, 266))
    rows[:, :256] = np.random.default_rng(0).integers(0, 2, (3, 256))
    rows[[0, 1, 2], [256 + 3, 256, 256 + 9]] = 1
    np.savetxt(root / "semeion.data", rows)
    return {"download": False}


def moving(root):
    (root / "MovingMNIST").mkdir()
    np.save(root / "MovingMNIST/mnist_test_seq.npy", pixels(0, 20, 3, 64, 64))
    return {"split": "test", "split_ratio": 4}


def omniglot(root):
    folder = root / "omniglot-py/images_evaluation"
    for alphabet in ("Greek", "Latin"):
        for letter in ("character01", "character02"):
            draw(folder / alphabet / letter / "01.png", len(alphabet), mode="L")
    write(root / "omniglot-py/images_evaluation.zip", "")
    return {"background": False}


def caltech101(root):
    io = pytest.importorskip("scipy.io")
    folder = root / "caltech101"
    for i, name in enumerate(("Faces", "ant", "BACKGROUND_Google")):
        draw(folder / f"101_ObjectCategories/{name}/image_0001.jpg", i)
    for name in ("Faces_2", "ant"):
        (folder / "Annotations" / name).mkdir(parents=True)
        outline = np.random.default_rng(len(name)).random((2, 9))
        io.savemat(folder / "Annotations" / name / "annotation_0001.mat", {"obj_contour": outline})
    return {"target_type": ["category", "annotation"]}


def caltech256(root):
    for i, name in enumerate(("001.ak47", "002.flag")):
        draw(root / f"caltech256/256_ObjectCategories/{name}/00{i + 1}_0001.jpg", i)
    return {}


def celeba(root):
    folder = root / "celeba"
    for i in range(3):
        draw(folder / f"img_align_celeba/{i}.jpg", i)
    write(folder / "list_eval_partition.txt", "0.jpg 0\n1.jpg 2\n2.jpg 2\n")
    write(folder / "identity_CelebA.txt", "0.jpg 11\n1.jpg 12\n2.jpg 13\n")
    numbers = "\n".join(f"{i}.jpg {i} -1  1 1" for i in range(3))
    for name in ("list_bbox_celeba", "list_landmarks_align_celeba", "list_attr_celeba"):
        write(
            folder / f"{name}.txt",
            f"3\na b c d\n{numbers.replace('jpg 0', 'jpg 1').replace('jpg 2', 'jpg -1')}\n",
        )
    return {"split": "test", "target_type": ["attr", "identity", "bbox", "landmarks"]}


def fer(root):
    (root / "fer2013").mkdir()
    faces = pixels(1, 3, 48 * 48)
    with open(root / "fer2013/icml_face_data.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", " Usage", " pixels"])
        for face, use in zip(faces, ("Training", "PublicTest", "PrivateTest")):
            rows.writerow([len(use) % 7, use, " ".join(map(str, face))])
    return {"split": "test"}


def flowers(root):
    io = pytest.importorskip("scipy.io")
    folder = root / "flowers-102"
    for i in (1, 2, 3):
        draw(folder / f"jpg/image_0000{i}.jpg", i)
    io.savemat(folder / "imagelabels.mat", {"labels": np.array([[5, 102, 1]], np.uint8)})
    ids = {"trnid": [[3, 1]], "valid": [[2]], "tstid": [[1, 2]]}
    io.savemat(folder / "setid.mat", {key: np.array(value, np.uint16) for key, value in ids.items()})
    return {"split": "train"}


MADE = {
    "DTD": dtd,
    "FGVCAircraft": aircraft,
    "Food101": food,
    "GTSRB": signs,
    "GTSRB to test": signs_to_test,
    "RenderedSST2": sentences,
    "CLEVRClassification": clevr,
    "SUN397": sun,
    "Imagenette": imagenette,
    "Country211": countries,
    "EuroSAT": land,
    "CocoDetection": coco,
    "CocoCaptions": coco,
    "VOCDetection": voc,
    "VOCSegmentation": voc,
    "OxfordIIITPet": pets,
    "Kitti": kitti,
    "Flickr8k": flickr8k,
    "Flickr30k": flickr30k,
    "SBU": sbu,
    "SEMEION": semeion,
    "MovingMNIST": moving,
    "Omniglot": omniglot,
    "Caltech101": caltech101,
    "Caltech256": caltech256,
    "CelebA": celeba,
    "FER2013": fer,
    "Flowers102": flowers,
}
SUMS = ("md5_checksum", "zips_md5", "file_list", "_file_dict", "_RESOURCES")


def unchecked(cls):
    """The class without checksums: the files made here are not the published ones."""

    def blank(value):
        if isinstance(value, dict):
            return {key: blank(v) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(blank(v) for v in value)
        is_sum = isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")
        return None if is_sum else value

    return type(
        cls.__name__, (cls,), {name: blank(getattr(cls, name)) for name in SUMS if hasattr(cls, name)}
    )


def same(want, got):
    if isinstance(want, (list, tuple)):
        assert type(want) is type(got)
        assert len(want) == len(got)
        for a, b in zip(want, got):
            same(a, b)
    elif isinstance(want, (dict, str, int, float, type(None))):
        assert want == got
        assert type(want) is type(got)
    else:
        a, b = as_array(want), as_array(got)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.array_equal(a, b)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("name", MADE)
def test_same_samples(name, tmp_path, real):
    options = MADE[name](tmp_path)
    if name.startswith("Coco"):
        pytest.importorskip("pycocotools")
    cls = name.split()[0]
    theirs = unchecked(getattr(real.vision.datasets, cls))(str(tmp_path), **options)
    ours = unchecked(getattr(datasets, cls))(str(tmp_path), **options)
    assert repr(ours) == repr(theirs)
    assert len(ours) == len(theirs) > 0
    for attribute in ("classes", "class_to_idx", "categories", "attr_names", "bin_classes"):
        if hasattr(theirs, attribute):
            assert getattr(ours, attribute) == getattr(theirs, attribute)
    for i in range(len(ours)):
        same(theirs[i], ours[i])


def test_coco_without_its_library(tmp_path):
    options = coco(tmp_path)
    picture, things = datasets.CocoDetection(tmp_path, **options)[1]
    assert picture.size == (7, 6)
    assert [thing["bbox"][3] for thing in things] == [4, 5]
    assert datasets.CocoCaptions(tmp_path, **options)[1][1] == ["one", "two"]
    assert datasets.CocoDetection(tmp_path, **options)[0][1] == []


@pytest.mark.parametrize(
    "name", ["DTD", "Food101", "VOCDetection", "CelebA", "Omniglot", "Caltech101", "EuroSAT"]
)
def test_what_is_not_there_is_said(name, tmp_path):
    with pytest.raises(RuntimeError, match=f"{name} is to be in .*download=True"):
        getattr(datasets, name)(tmp_path)


def test_download_says_where_to_put_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_MIRROR", (tmp_path / "nothing").as_uri())
    with pytest.raises(RuntimeError) as failure:
        datasets.Food101(tmp_path, download=True)
    assert "http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz by hand" in str(failure.value)
    assert str(tmp_path / "food-101.tar.gz") in str(failure.value)


def test_transforms_of_both(tmp_path):
    options = voc(tmp_path)

    def both(picture, target):
        return picture.size, sorted(target["annotation"])

    assert datasets.VOCDetection(tmp_path, **options, transforms=both)[0] == (
        (7, 6),
        ["folder", "object", "size"],
    )
    assert rushlight.vision.datasets.VOCDetection is datasets.VOCDetection
