import CKernels
import Collectives
import Diagnostics
import Foundation
import Reports
import Supervision

#if canImport(Glibc)
    import Glibc
#endif

/// What `lockstep doctor` looks at.
public enum MachineCheck {
    /// One thing that was looked at.
    public struct Finding: Sendable {
        /// What it is.
        public let name: String
        /// What was found.
        public let value: String
        /// What to do, where something is wrong.
        public let remedy: String?
        /// Whether training over several ranks cannot work.
        public let isFatal: Bool

        init(_ name: String, _ value: String, remedy: String? = nil, isFatal: Bool = false) {
            self.name = name
            self.value = value
            self.remedy = remedy
            self.isFatal = isFatal
        }
    }

    /// Looks at everything. MPI is initialised in a process of its own, so that a broken one ends only that.
    public static func findings() -> [Finding] {
        [
            Finding("Lockstep", Versions.lockstep), mpirun(), mpi(),
            Finding("oneDNN", "\(Versions.oneDNN), \(Versions.oneDNNInstructionSet)"), kernels(), cores(),
            sharedMemory(), data(),
        ]
    }

    /// All findings as one line of JSON.
    public static func json(_ findings: [Finding]) -> String {
        var line = JSONLine()
        for finding in findings {
            line.set(finding.name, finding.value)
            if let remedy = finding.remedy { line.set(finding.name + " remedy", remedy) }
        }
        return line.text
    }

    private static func mpirun() -> Finding {
        guard let output = run(["mpirun", "--version"]), output.status == 0 else {
            return Finding(
                "mpirun", "not found", remedy: "apt-get install openmpi-bin (needed for more than one rank)",
                isFatal: true)
        }
        let isRoot = geteuid() == 0 && ProcessInfo.processInfo.environment["OMPI_ALLOW_RUN_AS_ROOT"] == nil
        return Finding(
            "mpirun", output.text.split(separator: "\n").first.map(String.init) ?? "",
            remedy: isRoot
                ? "as root, export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 (train --ranks does)"
                : nil)
    }

    /// Starts this program once more as a single MPI process that says what MPI it has.
    private static func mpi() -> Finding {
        guard let program = Bundle.main.executablePath else { return Finding("MPI", "unknown") }
        let environment = [
            "LOCKSTEP_PROBE_MPI": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        ]
        guard let output = run(["mpirun", "-n", "1", program, "doctor"], environment), output.status == 0
        else {
            return Finding(
                "MPI", "mpirun cannot start a rank of this program",
                remedy: "run: mpirun -n 1 \(program) doctor",
                isFatal: true)
        }
        return Finding("MPI", output.text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// In the process that ``mpi()`` starts: prints MPI's name and thread level.
    public static func probeMPI() throws -> String? {
        guard ProcessInfo.processInfo.environment["LOCKSTEP_PROBE_MPI"] != nil else { return nil }
        let communicator = try CommunicatorFactory.make()
        defer { try? communicator.finalize() }
        return communicator.description
    }

    private static func kernels() -> Finding {
        let name = Versions.kernelInstructionSet
        let remedy =
            name == "generic"
            ? "expect a fraction of the speed: this processor has neither AVX2 nor AVX-512" : nil
        #if arch(arm64)
            return Finding("kernels", "\(name) (NEON)")
        #else
            return Finding("kernels", name, remedy: remedy)
        #endif
    }

    private static func cores() -> Finding {
        let budget = CPUBudget.current()
        let quota = budget.quotaCPUs.map { ", control group grants \($0)" } ?? ""
        return Finding(
            "cores",
            "\(budget.nodeCPUs) on this machine, \(budget.affinityCPUs) in the affinity mask\(quota)",
            remedy: budget.affinityWarning(localReplicas: 1))
    }

    private static func sharedMemory() -> Finding {
        var status = statvfs()
        guard statvfs("/dev/shm", &status) == 0 else {
            return Finding("shared memory", "no /dev/shm", remedy: "mount a tmpfs on /dev/shm")
        }
        let bytes = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let tooSmall = bytes < 32 << 20
        return Finding(
            "shared memory", "\(bytes >> 20) MiB free in /dev/shm",
            remedy: tooSmall
                ? "start the container with --shm-size=64m: MPI's messages between ranks of a node go through there"
                : nil)
    }

    private static func data() -> Finding {
        guard let path = ProcessInfo.processInfo.environment["LOCKSTEP_DATA"] else {
            return Finding("LOCKSTEP_DATA", "not set (recipes whose data is not beside them need it)")
        }
        let exists = FileManager.default.fileExists(atPath: path)
        return Finding(
            "LOCKSTEP_DATA", path, remedy: exists ? nil : "there is no such folder: correct the variable")
    }

    private static func run(_ words: [String], _ more: [String: String] = [:]) -> (
        status: Int32, text: String
    )? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
