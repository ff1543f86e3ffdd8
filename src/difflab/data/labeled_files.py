"""Image files with class names, from CSV files or from one folder for each class."""

import csv
from collections.abc import Collection
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from difflab.config.base import ClassName
from difflab.config.validation import explain
from difflab.data.image_files import find_images, is_document, is_image, say
from difflab.errors import DataError

Labeled = list[tuple[Path, str]]  # image file and class name
PARTS = ("train", "val", "test")
NAME = TypeAdapter(ClassName)


def read_csvs(folder: str | Path) -> dict[str, Labeled]:
    """Read labels.csv (part "all"), or train.csv with val.csv, test.csv or both: the images of each part.

    The images are in data/, or next to the CSV files if there is no data/. Raises DataError naming the file and line.
    """
    folder = Path(folder)
    paths = {part: folder / f"{part}.csv" for part in PARTS if (folder / f"{part}.csv").exists()}
    if (single := folder / "labels.csv").exists():
        if paths:
            raise DataError(f"{single}: found {min(path.name for path in paths.values())} too, allowed: one of both")
        paths = {"all": single}
    else:
        _require_parts(folder, paths, ".csv")
    images = folder / "data" if (folder / "data").is_dir() else folder
    parts = {part: _read_csv(path, images) for part, path in paths.items()}
    seen: dict[Path, str] = {}
    for part, files in parts.items():
        for path, _ in files:
            if seen.setdefault(path, part) != part:
                raise DataError(f"{paths[part]}: {path.name} is in {paths[seen[path]].name} too")
    others = [path for path in sorted(images.iterdir()) if path not in seen and is_image(path)]
    if others:
        say(f"{images}: {len(others)} images that no CSV lists are not used, the first of them {others[0].name}")
    return parts


def _require_parts(folder: Path, found: Collection[str], suffix: str) -> None:
    for part in ("train", *([] if "test" in found else ["val"])):
        if part not in found:
            raise DataError(f"{folder / part}{suffix}: not found")


def _read_csv(path: Path, images: Path) -> Labeled:
    """The images of a CSV file, in the order of its lines. Raises DataError."""
    labels: dict[Path, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if not {"image_name", "label"} <= set(rows.fieldnames or ()):
                raise DataError(f"{path}: columns {rows.fieldnames}, allowed: image_name, label")
            for row in rows:
                line = f"{path}, line {rows.line_num}"
                image, name = images / (row["image_name"] or ""), _class_name(f"{line}: label", row["label"] or "")
                if image in labels:
                    raise DataError(f"{line}: {image.name} a second time")
                if not image.is_file():
                    raise DataError(f"{line}: {image} not found")
                labels[image] = name
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from None
    if not labels:
        raise DataError(f"{path}: no images in it")
    return list(labels.items())


def _class_name(place: str, name: str) -> str:
    try:
        return NAME.validate_python(name)  # pyright: ignore[reportReturnType]  (a str stays one)
    except ValidationError as error:
        raise DataError(explain(error, name, place)) from None


def read_folders(folder: str | Path, classes: Collection[str] | None) -> dict[str, Labeled]:
    """Read one folder of images for each class: below train/ and val/ or test/, or directly in `folder` (part "all").

    With `classes`, folders of other classes are skipped. Raises DataError, also for an image outside a class folder.
    """
    folder = Path(folder)
    parts = [part for part in PARTS if (folder / part).is_dir()]
    if not parts:
        return {"all": _read_classes(folder, classes)}
    _require_parts(folder, parts, "")
    for path in _visible(folder):
        if path.name not in parts:
            raise DataError(f"{path}: found beside {parts[0]}/, allowed: {', '.join(f'{part}/' for part in PARTS)}")
    return {part: _read_classes(folder / part, classes) for part in parts}


def _read_classes(folder: Path, classes: Collection[str] | None) -> Labeled:
    files: Labeled = []
    found = _visible(folder)
    for path in found:
        if not path.is_dir():
            allowed = "images in folders that are named as their classes, a CSV file, or persons in params.yaml"
            raise DataError(f"{path}: found an image without a class, allowed: {allowed}")
    names = [path.name for path in found]
    for name in classes or ():
        if name not in names:
            raise DataError(f"{folder}: found no class {name!r}, allowed: {', '.join(names[:20])}")
    for path in found:
        if classes is None or path.name in classes:
            files += [(image, _class_name(str(path), path.name)) for image in find_images(path)]
    if not files:
        raise DataError(f"{folder}: found no images, allowed: a folder of images for each class")
    return files


def _visible(folder: Path) -> list[Path]:
    """Folders and files that are neither hidden nor documents, sorted."""
    return sorted(path for path in folder.iterdir() if not is_document(path))
