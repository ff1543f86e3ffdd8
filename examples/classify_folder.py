"""Zero-shot classification of all images in a folder with CLIP: the classes are given by their names.

Prints the best label of each image and its cosine similarity. pretrained/clip knows colors, circles and digits:

    python examples/classify_folder.py samples/zero_shot/val --labels "red circle on blue" "cyan circle on tan"
"""

import argparse

from difflab.data.image_files import find_images
from difflab.data.images import stream_images
from difflab.systems.zero_shot.classification import embed_images, embed_texts
from difflab.systems.zero_shot.clip import load_clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="with images, also in subfolders")
    parser.add_argument("--labels", nargs="+", required=True, help="names of the classes")
    parser.add_argument("--template", default="A photo of a {object}.", help="prompt of a class")
    parser.add_argument("--model", default="pretrained/clip", help="folder or hub id of a CLIP")
    args = parser.parse_args()

    clip = load_clip(args.model, "--model")
    files = find_images(args.folder)
    texts = embed_texts(clip, [args.template.replace("{object}", label) for label in args.labels])
    images = embed_images(clip, (image.convert("RGB") for image in stream_images(files, "images")))
    best, labels = (images @ texts.T).max(dim=1)
    width = max(len(str(file)) for file in files)
    for file, similarity, label in zip(files, best.tolist(), labels.tolist(), strict=True):
        print(f"{file!s:<{width}}  {similarity:.3f}  {args.labels[label]}")


if __name__ == "__main__":
    main()
