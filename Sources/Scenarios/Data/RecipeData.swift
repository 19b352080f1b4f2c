import DataPipeline
import Diagnostics
import Recipes

/// The data of a recipe: its files opened, its rows split, its columns fitted or taken from a checkpoint.
public struct RecipeData: Sendable {
    /// The rows of all files.
    public let source: any RowSource
    /// Which rows train, validate and test.
    public let split: DataSplit
    /// What was fitted to the training rows.
    public let fitted: FittedData
    private let residentLimit: Int
    private let tokenDropout: Double
    private let lengthBuckets: LengthBucketsPart?
    private let cacheFolder: String
    private let onBadSample: DataPart.BadSamples
    private let task: Recipe.TaskKind

    /// Opens, splits and, unless given, fits.
    /// - Parameter fitted: what rank 0 or a checkpoint holds; `nil` fits the training rows.
    /// - Throws: `LockstepError` with the file and line.
    public init(_ recipe: Recipe, fitted: FittedData? = nil) throws {
        source = try recipe.data.open()
        split = try source.split(recipe.data)
        self.fitted = try fitted ?? source.fit(recipe, rows: split.train)
        tokenDropout = recipe.data.content.tokenizer?.tokenDropout ?? 0
        lengthBuckets = recipe.data.content.lengthBuckets
        cacheFolder = recipe.data.content.sampleCacheFolder ?? CacheFolder.standard
        (residentLimit, onBadSample) = (recipe.data.residentLimitBytes, recipe.data.onBadSample)
        task = recipe.task
    }

    /// The samples of a split, held in memory when they fit the recipe's limit; larger ones that are decoded from text in a
    /// file, mapped into memory.
    /// - Throws: `LockstepError` (65) when the split has no rows.
    public func dataset(
        _ split: CoordinatorPart.Split, for purpose: SamplePurpose = .evaluation
    ) throws -> any Dataset {
        let samples = try samples(split, for: purpose)
        // Of texts whose tokens are hidden, what is kept are the texts.
        let dataset =
            task == .maskedLanguage
            ? try samples.dataset.resident(upTo: residentLimit) : try kept(samples)
        guard tokenDropout > 0, case .training(let seed) = purpose,
            let masking = fitted.format.tokens?.masking
        else { return dataset }
        return try TokenDropout(
            dataset, rate: tokenDropout, hidden: Int32(masking.mask),
            kept: 0...Int32(masking.firstOrdinary - 1), seed: seed)
    }

    /// Samples decoded once for all epochs, in memory or in a file, where it takes long to decode them.
    private func kept(_ samples: Samples) throws -> any Dataset {
        let dataset = try samples.dataset.resident(upTo: residentLimit)
        guard !dataset.isResident, !dataset.variesByEpoch, fitted.format.decodesText else { return dataset }
        let tokens = fitted.format.tokens
        let packing = SampleFile.Packing(
            filler: (tokens?.paddingID).map(Int32.init), identifierCount: tokens?.identifierCount ?? 0)
        var key = SampleKey(source.fingerprint)
        key.add(try fitted.encoded())
        for row in samples.rows { key.add(row) }
        return try SampleFile(dataset, packing: packing, key: key.value, folder: cacheFolder)
    }

    /// The samples of a dataset of this data by their lengths; nil where the recipe asks for no buckets.
    /// - Throws: `LockstepError` (65) where a sample cannot be decoded.
    public func buckets(of dataset: any Dataset) throws -> LengthBuckets? {
        guard let lengthBuckets, let tokens = fitted.format.tokens, let padding = tokens.paddingID else {
            return nil
        }
        // What a model foretells is as long as what it reads.
        let lengths = try dataset.sequenceLengths(
            ofFields: 0..<fitted.inputs.count, filler: Int32(padding))
        switch lengthBuckets {
        case .limits(let limits): return try LengthBuckets(lengths: lengths, limits: limits)
        case .automatic:
            let limits = LengthBuckets.limits(for: lengths, fullLength: tokens.length)
            return try LengthBuckets(lengths: lengths, limits: limits)
        }
    }

    /// The samples of a split with the row of each, encoded on demand.
    /// - Throws: `LockstepError` (65) when the split has no rows.
    public func samples(
        _ split: CoordinatorPart.Split, for purpose: SamplePurpose = .evaluation
    ) throws -> Samples {
        let rows = rows(split)
        guard !rows.isEmpty else {
            throw LockstepError(
                .badData, "the \(split.rawValue) split has no rows",
                remedy: "give it rows with data.split.\(split.rawValue), or use another split")
        }
        let samples = try fitted.samples(source, rows: rows, for: purpose)
        return task == .maskedLanguage ? try masked(samples, for: purpose) : samples
    }

    /// The seed of the tokens that evaluations hide: the same for all runs, so that they compare.
    private static let evaluationSeed: UInt64 = 0x6D61_736B

    /// Texts with hidden tokens instead of labels: in training others in each epoch.
    private func masked(_ samples: Samples, for purpose: SamplePurpose) throws -> Samples {
        guard let tokens = fitted.format.tokens, let masking = tokens.masking else {
            throw LockstepError(
                .usage, "task maskedLanguage hides tokens of texts, the data has none",
                remedy: "use data.format: text or lines")
        }
        let vocabulary = MaskedTokens.Vocabulary(
            identifierCount: tokens.identifierCount, firstOrdinary: masking.firstOrdinary, mask: masking.mask)
        var (seed, varies) = (Self.evaluationSeed, false)
        if case .training(let own) = purpose { (seed, varies) = (own, true) }
        let dataset = try MaskedTokens(
            try kept(samples), vocabulary, seed: seed, variesByEpoch: varies)
        return Samples(dataset, rows: samples.rows)
    }

    /// What to tell the user of rows of a split that are left out; nil when there are none.
    public func leftOutWarning(_ split: CoordinatorPart.Split, sampleCount: Int) -> String? {
        let all = rows(split).count
        guard sampleCount < all else { return nil }
        let reason =
            onBadSample == .skip && fitted.format is FittedTable
            ? "cannot be used and are left out (data.missing, data.onBadSample)"
            : fitted.format.leftOutReason
        return "\(all - sampleCount) of \(all) \(split.rawValue) rows \(reason)"
    }

    /// The rows of a split.
    public func rows(_ split: CoordinatorPart.Split) -> [Int] {
        switch split {
        case .train: self.split.train
        case .validation: self.split.validation
        case .test: self.split.test
        }
    }
}
