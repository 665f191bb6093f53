package org.remotemedia.tests;

import org.remotemedia.Manifest;
import org.remotemedia.Node;
import org.remotemedia.Nodes;

/** Manifests that several tests run. */
final class Manifests {
    private Manifests() {}

    static Manifest add(double operand) {
        return Manifest.chain("add", new Nodes.Calculator(Nodes.Calculator.Operation.ADD, operand).id("add"));
    }

    static Manifest same() {
        return Manifest.chain("same", new Nodes.PassThrough().id("same"));
    }

    static Manifest own() {
        return Manifest.chain("own", Node.of("Own"));
    }
}
