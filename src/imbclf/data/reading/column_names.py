"""What the columns of a table are usually called."""

import re

# fmt: off
FILE_NAMES = frozenset((
    "file", "files", "filename", "filenames", "filepath", "path", "paths", "filepaths", "image",
    "images", "imagename", "imageid", "imagepath", "imagefile", "imagefilename", "img", "imgid",
    "imgname", "imgpath", "imgfile", "photo", "photoid", "picture", "idcode", "datei",
    "dateiname", "fichier", "archivo",
))
# fmt: on
# fmt: off
LABEL_NAMES = frozenset((
    "label", "labels", "class", "classname", "classlabel", "target", "targets", "category",
    "groundtruth", "gt", "pathology",
))
# fmt: on
GROUP_NAMES = frozenset({"group", "groups", "groupid"})
# fmt: off
PART_NAMES = frozenset((
    "part", "parts", "split", "splits", "set", "subset", "partition", "phase", "usage", "fold",
    "folds", "kfold", "kfolds", "cvfold", "foldid", "foldno", "foldnumber", "datasplit",
    "trainvaltest", "traintest",
))
# fmt: on
def plain(name: str) -> str:
    """Return a column's name without case, spaces and signs.

    >>> plain("Image_ID"), plain("file name")
    ('imageid', 'filename')
    """
    return re.sub(r"[\W_]", "", name.casefold())


def words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case.

    >>> words("patientId"), words("Patient ID"), words("StudyInstanceUID")
    (['patient', 'id'], ['patient', 'id'], ['study', 'instance', 'uid'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
