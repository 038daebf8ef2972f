"""What a device looks for, in sentences. Pure."""

from devices.models import Device


def describe_sought(device: Device) -> list[str]:
    """Return sentences about what is known of it, and what that means for the numbers."""
    sentences = [_FACES[device.faces_sought]]
    labels = ", ".join(device.labels_sought)
    sentences.append(f"It has shown these labels: {labels}." if labels else "It has shown no label yet.")
    if device.waits_between_uploads is not None:
        sentences.append(_WAITS[device.waits_between_uploads])
    if device.sought_is_corrected:
        sentences.append("Somebody has corrected this, so its messages do not change it.")
    return sentences


_FACES = {
    True: "It looks for faces: a message that names nothing means that nobody was there.",
    False: "It does not look for faces, so its number of people is unknown.",
    None: "It is not known yet whether it looks for faces. Until its first face, a message that names nothing leaves "
    "the number of people unknown.",
}
_WAITS = {
    True: "It waits between uploads and says meanwhile that it has seen nothing. So its labels are unknown in each "
    "minute without a frame.",
    False: "It does not wait between uploads: when it says that it has seen nothing, it has seen no label.",
}
