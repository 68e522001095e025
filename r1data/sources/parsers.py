"""The parsers that a card may name. Each is a plain function from a source's row to ours."""

from collections.abc import Mapping

from r1data.sources import benchmarks, families, odd, spatial
from r1data.sources.asked import Parser

PARSERS: Mapping[str, Parser] = {
    "mathv360k": families.mathv360k,
    "onevision": families.onevision,
    "cauldron": families.cauldron,
    "llava-video": families.llava_video,
    "spatial": spatial.spatial,
    "nextqa": odd.nextqa,
    "clevrer": odd.clevrer,
    "star": odd.star,
    "perception-test": odd.perception_test,
    "gvlqa": odd.gvlqa,
    "arxivqa": odd.arxivqa,
    "exams-v": odd.exams_v,
    "multimath": odd.multimath,
    "visual7w": odd.visual7w,
    "video-r1": benchmarks.video_r1,
    "vsi-bench": benchmarks.vsi_bench,
    "video-mmmu": benchmarks.video_mmmu,
    "mmvu": benchmarks.mmvu,
    "mvbench": benchmarks.mvbench,
    "temp-compass": benchmarks.temp_compass,
    "video-mme": benchmarks.video_mme,
    "video-holmes": benchmarks.video_holmes,
    "long-video-bench": benchmarks.long_video_bench,
    "lv-bench": benchmarks.lv_bench,
}
