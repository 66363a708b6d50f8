"""What is called otherwise at the standby: the same facts as the mappings of the test's `twinlake.yml`."""

NODE_TYPES = {"i3.xlarge": "i4i.xlarge", "i3.2xlarge": "i4i.xlarge"}
ZONES = {"us-east-1a": "us-west-2b"}
INSTANCE_PROFILES = {
    "arn:aws:iam::111122223333:instance-profile/lake-east": "arn:aws:iam::111122223333:instance-profile/lake-west"
}
LOCATIONS = {"s3://acme-lake-east/": "s3://acme-lake-west/"}
WORDS = {"us-east-1": "us-west-2"}

TABLES = {
    "node_type_id": NODE_TYPES,
    "driver_node_type_id": NODE_TYPES,
    "zone_id": ZONES,
    "instance_profile_arn": INSTANCE_PROFILES,
    "aws_attributes.zone_id": ZONES,
}
"""Whole values, by the field that holds them or, in a policy's definition, by the rule's path."""

FREE_TEXT = {"spark_conf", "base_parameters", "named_parameters", "parameters", "s3"}
"""The fields in whose values words are replaced."""


def at_west(document, field="", free=False):
    """A document of the primary as it must read at the standby."""
    if isinstance(document, dict):
        return {
            key: at_west(value, field if key in ("value", "values", "defaultValue") else key, free or key in FREE_TEXT)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [at_west(value, field, free) for value in document]
    if not isinstance(document, str):
        return document
    for prefix, instead in LOCATIONS.items():
        if document.startswith(prefix):
            return instead + document[len(prefix) :]
    if free:
        for word, instead in WORDS.items():
            document = document.replace(word, instead)
    return TABLES.get(field, {}).get(document, document)
