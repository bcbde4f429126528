"""What is locked as a bill of materials: CycloneDX 1.6, the same text for the same lock."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from kernel_schema.diagnostics import Diagnostic, LockError

if TYPE_CHECKING:
    from kernel_schema.locks.lock import Lock, LockedKernel

_PROPERTY: Final = "kernel-schema:pin"


def sbom(lock: Lock) -> str:
    """The bill of materials of a lock, as CycloneDX 1.6 in JSON.

    Every locked kernel is a component with its publisher, licence and commit; its builds are
    components of it. The SHA-256 of a build is that of the lock: of the ids of all its files, as
    `locks.store` tells.

    Raises:
        LockError: `missing-dependency`, where cyclonedx-python-lib is not installed.
    """
    try:
        factories, bom, output = map(
            import_module,
            (
                "cyclonedx.contrib.license.factories",
                "cyclonedx.model.bom",
                "cyclonedx.output.json",
            ),
        )
    except ModuleNotFoundError as error:
        message = f"a bill of materials needs the package {error.name}, which is not installed"
        help_text = "pip install 'kernel-schema[hub]'"
        raise LockError([Diagnostic("missing-dependency", message, help=help_text)]) from error
    licences = factories.LicenseFactory()
    components = {locked.pin: _component(locked, licences) for locked in lock.kernels}
    serial = uuid5(NAMESPACE_URL, lock.dumps())
    document = bom.Bom(serial_number=serial, components=components.values())
    for locked in lock.kernels:
        needed = [components[pin] for pin in locked.kernel_depends if pin in components]
        document.register_dependency(components[locked.pin], needed)
    # When it is printed is no matter of what is locked.
    document.metadata.timestamp = None
    return f"{output.JsonV1Dot6(document).output_as_string(indent=2)}\n"


def _component(locked: LockedKernel, licences: Any) -> Any:
    model, component, contact, packageurl = map(
        import_module,
        ("cyclonedx.model", "cyclonedx.model.component", "cyclonedx.model.contact", "packageurl"),
    )
    library = component.ComponentType.LIBRARY
    sha256 = model.HashAlgorithm.SHA_256
    name = locked.pin.repo_id.partition("/")[2]
    builds = [
        component.Component(
            type=library,
            bom_ref=f"{locked.pin}#{variant}",
            name=f"{name}/{variant}",
            version=locked.commit,
            hashes=[model.HashType(alg=sha256, content=build.removeprefix("sha256:"))],
        )
        for variant, build in locked.variants.items()
    ]
    return component.Component(
        type=library,
        bom_ref=str(locked.pin),
        group=locked.pin.publisher,
        name=name,
        version=locked.commit,
        supplier=contact.OrganizationalEntity(name=locked.pin.publisher),
        purl=packageurl.PackageURL("huggingface", locked.pin.publisher, name, locked.commit),
        licenses=[licences.make_from_string(locked.license)] if locked.license else (),
        properties=[model.Property(name=_PROPERTY, value=locked.pin.ref)],
        components=builds,
    )
