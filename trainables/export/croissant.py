"""`croissant.json`: a balanced folder in the Croissant format, which data portals and loaders of data sets read.

Croissant 1.1 (http://mlcommons.org/croissant/1.1) with the vocabulary for responsible AI (RAI 1.0) and provenance
in W3C's PROV-O, as section "Provenance Representation" of the specification says. `rai:hasSyntheticData` is of
neither: the NeurIPS 2026 track on evaluations and data sets asks for it beside the other `rai:` and `prov:`
properties here.
"""

import base64
import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from gan_study.trainables.base.files import sha256_of
from gan_study.trainables.export import statements
from gan_study.trainables.export.about import NOT_KNOWN
from gan_study.trainables.export.balanced_folder import (
    DESCRIPTION,
    GENERATOR,
    MANIFEST,
    TRAIN,
    VALIDATION,
    Description,
    ManifestRow,
    read_manifest,
)
from gan_study.trainables.export.saved_generator import WEIGHTS
from gan_study.trainables.export.tables import CLASSES, METADATA, METADATA_COLUMNS
from gan_study.trainables.runtime.storage import write_atomically

CROISSANT = "croissant.json"
Node = dict[str, JsonValue]

_TERMS = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "excludes", "extract"),
    *(
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isArray",
        "isLiveDataset",
        "jsonPath",
    ),
    *("key", "md5", "parentField", "path", "readLines", "recordSet", "references", "regex", "repeated", "replace"),
    *("samplingRate", "sdVersion", "separator", "source", "subField", "transform", "unArchive", "value"),
)
# Appendix 1 of the specification, and PROV-O.
_CONTEXT: Node = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_SPLITS = {TRAIN: "cr:TrainingSplit", VALIDATION: "cr:ValidationSplit"}
_COLUMN_TYPES: Mapping[str, JsonValue] = {
    "label": ["sc:Text", "cr:Label"],
    "split": "sc:Text",
    "synthetic": "sc:Boolean",
}
_COLUMN_MEANINGS = {
    "label": "The name of its class; of a synthetic image, of the class that it was made for.",
    "split": "train or validation.",
    "synthetic": "Whether a generator made the image.",
}


def write_croissant(folder: Path, description: Description) -> None:
    """Describe the images and tables that lie in `folder`."""
    content = json.dumps(croissant(folder, description), indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / CROISSANT, content.encode(errors="backslashreplace"))


def croissant(folder: Path, data: Description) -> Node:
    """The description of `folder` as JSON-LD."""
    about = data.about
    manifest = sha256_of(folder / MANIFEST)
    metadata: Node = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": statements.title(data),
        "description": (
            f"Real images of {statements.real_set(data)}, and synthetic images of its rare classes, "
            f"made by the GAN {data.config.balancing.name!r} of gan-study. README.md is the data card."
        ),
        "license": about.license or _unknown("licence"),
        "url": about.url or _name_by_hash(manifest),
        "creator": {"@type": "sc:Organization", "name": about.creator or NOT_KNOWN},
        "datePublished": about.date_published or data.made_on,
        "dateCreated": data.made_on,
        "version": "1.0.0",
        "isLiveDataset": False,
        "keywords": ["synthetic data", "class imbalance", "GAN", "image classification"],
        "citeAs": about.citation or NOT_KNOWN,
        **_responsible_ai(data),
        **_provenance(data),
        "distribution": _distribution(folder, manifest),
        "recordSet": [_splits(data), _images()],
    }
    return {name: value for name, value in metadata.items() if value is not None}


def _unknown(what: str) -> Node:
    return {
        "@type": "sc:CreativeWork",
        "name": NOT_KNOWN,
        "description": f"The {what} of the real images is not known; ask their owner before you share.",
    }


def _name_by_hash(digest: str) -> str:
    """A data set that lies nowhere yet, named by what it holds (RFC 6920)."""
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip('=')}"


def _responsible_ai(data: Description) -> Node:
    return {
        "rai:dataLimitations": [*statements.limitations(data)],
        "rai:dataBiases": [*statements.biases(data)],
        "rai:personalSensitiveInformation": [*statements.sensitive_information(data)],
        "rai:dataUseCases": [*statements.use_cases(data)],
        "rai:dataSocialImpact": statements.social_impact(data),
        "rai:hasSyntheticData": any(each.num_synthetic for each in data.classes),
        "rai:dataCollection": f"How the real images were collected: {data.about.source or NOT_KNOWN}.",
        "rai:dataAnnotationProtocol": [
            f"Who labelled the real images, and how: {NOT_KNOWN}.",
            "Synthetic images have the label of the class that they were made for.",
        ],
        "rai:dataPreprocessingProtocol": [
            "Real images are the files that they came in, or PNG files where they came in none that readers of "
            "image folders know. Synthetic ones are rounded to bytes; those that copy a real one were thrown away "
            "and drawn anew."
        ],
    }


def _provenance(data: Description) -> Node:
    """What the images were derived from, and what was done to them; PROV-O."""
    source: Node = {
        "@type": "prov:Entity",
        "@id": f"urn:gan-study:files:{data.data or NOT_KNOWN}",
        "prov:label": data.about.source or f"The real images of {statements.real_set(data)}",
        "description": f"Digest of the files: {data.data or NOT_KNOWN}. Origin: {data.about.source or NOT_KNOWN}.",
    }
    generator: Node = {
        "@type": "prov:Entity",
        "@id": f"urn:sha256:{data.generator_sha256}",
        "prov:label": f"{GENERATOR}/{WEIGHTS}, whose SHA-256 each synthetic image names",
    }
    agent: Node = {
        "@type": "prov:SoftwareAgent",
        "prov:label": f"gan-study, torch {data.environment.get('torch', NOT_KNOWN)}",
    }
    steps = NOT_KNOWN if data.generator_steps is None else f"{data.generator_steps:,}"
    acts = {
        "Training of the GAN": (
            f"{data.config.balancing.name}, {steps} generator steps on the training part, seed "
            f"{data.config.seed}; the whole configuration is in {DESCRIPTION}.",
            source,
        ),
        "Generation of images": (
            f"The rare classes were filled up with {sum(each.num_synthetic for each in data.classes)} images; "
            f"{sum(each.num_copies for each in data.classes)} that copied a real one were thrown away.",
            generator,
        ),
    }
    return {
        "prov:wasDerivedFrom": [source, generator],
        "prov:wasGeneratedBy": [
            {
                "@type": "prov:Activity",
                "prov:label": name,
                "description": said,
                "prov:used": {"@id": used["@id"]},
                "prov:wasAssociatedWith": agent,
            }
            for name, (said, used) in acts.items()
        ],
        "prov:wasAttributedTo": agent,
    }


def _distribution(folder: Path, manifest: str) -> list[JsonValue]:
    tables = {
        METADATA: ("text/csv", "What each image is.", None),
        MANIFEST: ("text/csv", "Where each image comes from.", manifest),
        CLASSES: ("text/csv", "What was found of each class.", None),
        f"{GENERATOR}/{WEIGHTS}": ("application/octet-stream", "The generator's weights.", None),
    }
    files: list[JsonValue] = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "description": meaning,
            "contentUrl": name,
            "encodingFormat": encoding,
            "sha256": known or sha256_of(folder / name),
        }
        for name, (encoding, meaning, known) in tables.items()
    ]
    images: Node = {
        "@type": "cr:FileSet",
        "@id": "image-files",
        "name": "image-files",
        "description": "The images, one folder a class in each part: real-* and synthetic-*.",
        "encodingFormat": [*sorted({found for found in map(_media_type, read_manifest(folder)) if found})],
        "includes": [f"{part}/*/*" for part in _SPLITS if (folder / part).is_dir()],
    }
    return [*files, images]


def _media_type(row: ManifestRow) -> str | None:
    return mimetypes.guess_type(row.file)[0]


def _splits(data: Description) -> Node:
    parts = [part for part in _SPLITS if part == TRAIN or not data.all_images]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_field("splits/name", "sc:Text"), _field("splits/url", ["sc:URL", "cr:Split"])],
        "data": [{"splits/name": part, "splits/url": _SPLITS[part]} for part in parts],
    }


def _images() -> Node:
    columns = [
        _field(
            f"images/{column}",
            _COLUMN_TYPES[column],
            description=_COLUMN_MEANINGS[column],
            source={"fileObject": {"@id": METADATA}, "extract": {"column": column}},
            references={"field": {"@id": "splits/name"}} if column == "split" else None,
        )
        for column in METADATA_COLUMNS[1:]
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "images",
        "name": "images",
        "description": "One record an image.",
        "key": {"@id": "images/file_name"},
        "field": [
            _field(
                "images/file_name",
                "sc:Text",
                description="The path of the image in the folder.",
                source={
                    "fileSet": {"@id": "image-files"},
                    "extract": {"fileProperty": "fullpath"},
                    "transform": {"regex": f"((?:{'|'.join(_SPLITS)})/.+)$"},
                },
                references={"fileObject": {"@id": METADATA}, "extract": {"column": METADATA_COLUMNS[0]}},
            ),
            _field(
                "images/image",
                "sc:ImageObject",
                description="The image itself.",
                source={"fileSet": {"@id": "image-files"}, "extract": {"fileProperty": "content"}},
            ),
            *columns,
        ],
    }


def _field(identifier: str, data_type: JsonValue, **more: JsonValue) -> Node:
    made: Node = {"@type": "cr:Field", "@id": identifier, "name": identifier, "dataType": data_type, **more}
    return {name: value for name, value in made.items() if value is not None}
