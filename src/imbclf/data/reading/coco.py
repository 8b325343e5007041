"""Annotations of objects in images (COCO), read as one row for each image."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

PARTS = ("images", "annotations", "categories")
NOTHING = "none"  # label of an image without objects
# What the format says of an image beside its name; further keys are columns.
TECHNICAL = {
    *("id", "file_name", "width", "height", "license", "date_captured"),
    *("coco_url", "flickr_url"),
}


def is_coco(content: object) -> bool:
    """Return whether parsed JSON is of this format.

    >>> is_coco({"images": [], "annotations": [], "categories": []}), is_coco([])
    (True, False)
    """
    return isinstance(content, Mapping) and all(
        isinstance(content.get(part), Sequence) for part in PARTS
    )


def coco_rows(content: Mapping[str, Sequence[Mapping[str, object]]]) -> list[object]:
    """Return a row for each image: its name, and the categories of its objects as the label.

    Raises:
        KeyError, TypeError: an image, annotation or category lacks what the format demands.

    >>> coco_rows(
    ...     {
    ...         "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
    ...         "annotations": [{"image_id": 7, "category_id": 1}],
    ...         "categories": [{"id": 1, "name": "crack"}],
    ...     }
    ... )
    [{'file': 'a.png', 'label': 'crack'}, {'file': 'b.png', 'label': 'none'}]
    """
    names = {category["id"]: str(category["name"]) for category in content["categories"]}
    found: defaultdict[object, set[str]] = defaultdict(set)
    for annotation in content["annotations"]:
        found[annotation["image_id"]].add(names[annotation["category_id"]])
    return [_row(image, sorted(found[image["id"]])) for image in content["images"]]


def _row(image: Mapping[str, object], categories: Iterable[str]) -> dict[str, object]:
    further = {key: value for key, value in image.items() if key not in TECHNICAL}
    return {"file": image["file_name"], "label": "|".join(categories) or NOTHING, **further}
