import Collectives
import Diagnostics
import Testing

struct CommunicatorFactoryTests {
    @Test(arguments: [[:], ["SLURM_NTASKS": "1"], ["SLURM_NTASKS": "x"], ["HOME": "/root"]])
    func withoutMPIRunItIsSolo(environment: [String: String]) throws {
        #expect(try CommunicatorFactory.make(environment: environment) is SoloCommunicator)
    }

    @Test func slurmTasksWithoutMPIAreAMismatch() throws {
        let error = try #require(throws: LockstepError.self) {
            try CommunicatorFactory.make(environment: ["SLURM_NTASKS": "4"])
        }
        #expect(error.code == .mismatch)
        #expect(error.message.contains("4 tasks"))
        #expect(error.remedy?.contains("srun") == true)
    }

    @Test(arguments: ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"])
    func launchersAreSeen(variable: String) {
        #expect(CommunicatorFactory.isLaunchedByMPI([variable: "0", "SLURM_NTASKS": "4"]))
        #expect(!CommunicatorFactory.isLaunchedByMPI(["SLURM_NTASKS": "4"]))
    }

    @Test func optionsComeFromTheEnvironment() throws {
        let options = try CommunicatorOptions(environment: [
            "LOCKSTEP_TIMEOUT": "2.5", "LOCKSTEP_RANKS_PER_NODE": "3",
        ])
        #expect(options.timeLimit == .milliseconds(2500))
        #expect(options.ranksPerNode == 3)
        let defaults = try CommunicatorOptions(environment: [:])
        #expect(defaults == CommunicatorOptions())
        #expect(defaults.timeLimit == .seconds(300))
    }

    @Test(arguments: [
        ("LOCKSTEP_TIMEOUT", "0"), ("LOCKSTEP_TIMEOUT", "-1"), ("LOCKSTEP_TIMEOUT", "soon"),
        ("LOCKSTEP_TIMEOUT", "nan"), ("LOCKSTEP_TIMEOUT", "inf"), ("LOCKSTEP_TIMEOUT", "1e300"),
        ("LOCKSTEP_RANKS_PER_NODE", "0"), ("LOCKSTEP_RANKS_PER_NODE", "1.5"),
        ("LOCKSTEP_RANKS_PER_NODE", "99999999999999999999"),
    ])
    func wrongVariablesAreNamed(variable: String, value: String) throws {
        let error = try #require(throws: LockstepError.self) {
            try CommunicatorFactory.make(environment: [variable: value])
        }
        #expect(error.code == .usage)
        #expect(error.message == "\(variable) is '\(value)'")
    }
}
