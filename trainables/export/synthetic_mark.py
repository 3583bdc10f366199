"""The mark in a PNG that a generator made it: an XMP packet.

The machine-readable part is IPTC's DigitalSourceType, `trainedAlgorithmicMedia` (IPTC Photo Metadata Standard
2025.1; https://cv.iptc.org/newscodes/digitalsourcetype/). Article 50(2) of the EU's AI Act (2024/1689) asks for
such a mark.
"""

import importlib.metadata
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
# The keyword of a PNG's iTXt chunk that holds XMP (XMP Specification, Part 3).
PNG_KEYWORD = "XML:com.adobe.xmp"
_NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "ganStudy": "urn:gan-study:xmp:1.0/",
}


@dataclass(frozen=True, kw_only=True)
class SyntheticMark:
    """The content of a generated image's mark."""

    generator_sha256: str
    """SHA-256 of the file with the generator's weights."""
    seed: int
    """The seed of its latents, from the manifest or from `gan-study sample`."""

    @property
    def xmp(self) -> str:
        """The XMP packet, read-only; equal marks give equal packets."""
        version = importlib.metadata.version("gan-study")
        properties = {
            "Iptc4xmpExt:DigitalSourceType": DIGITAL_SOURCE_TYPE,
            "Iptc4xmpExt:AISystemUsed": "gan-study",
            "Iptc4xmpExt:AISystemVersionUsed": version,
            "xmp:CreatorTool": f"gan-study {version}",
            "ganStudy:GeneratorSHA256": self.generator_sha256,
            "ganStudy:Seed": str(self.seed),
        }
        declared = [f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in _NAMESPACES.items()]
        written = [f"{name}={quoteattr(value)}" for name, value in properties.items()]
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description rdf:about="" {" ".join([*declared, *written])}/>'
            '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
        )
