//! The model: linear regression by gradient descent over data that everybody can make.
//!
//! Gradients are sums of whole numbers, so their sum is the same in whatever order and parts it is made: eight workers learn to the
//! last bit what one would.

/// How many weights.
pub const WEIGHTS: usize = 16;
/// How many samples there are in all.
const SAMPLES: usize = 2048;
/// What a whole is in sums.
const UNIT: f64 = (1u64 << 32) as f64;
const RATE: f64 = 0.5;
/// The place of the loss, behind the gradient.
const LOSS: usize = WEIGHTS;

/// The weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    weights: [f64; WEIGHTS],
}

/// A worker's part of the data.
pub struct Shard(Vec<Sample>);

struct Sample {
    input: [f64; WEIGHTS],
    output: f64,
}

impl Shard {
    /// Every sample of which `rank` is the turn.
    pub fn of(rank: usize, workers: usize) -> Self {
        Self((rank..SAMPLES).step_by(workers).map(Sample::number).collect())
    }
}

impl Sample {
    /// Inputs by chance, and the output that the wanted weights give.
    fn number(number: usize) -> Self {
        let input = std::array::from_fn(|at| by_chance((number * WEIGHTS + at) as u64));
        let output = wanted().iter().zip(&input).map(|(weight, input)| weight * input).sum();
        Self { input, output }
    }
}

/// What is to be learned.
fn wanted() -> [f64; WEIGHTS] {
    std::array::from_fn(|at| by_chance(u64::MAX - at as u64))
}

/// A number between -1 and 1 that is the same on every machine (splitmix64).
fn by_chance(seed: u64) -> f64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

impl Model {
    /// The gradient over a part of the data, and its loss behind it, in whole numbers.
    pub fn gradient(&self, shard: &Shard) -> Vec<i64> {
        let mut sums = vec![0; WEIGHTS + 1];
        for sample in &shard.0 {
            let predicted: f64 = self.weights.iter().zip(&sample.input).map(|(weight, input)| weight * input).sum();
            let error = predicted - sample.output;
            for (sum, input) in sums.iter_mut().zip(&sample.input) {
                *sum += whole(error * input);
            }
            sums[LOSS] += whole(error * error);
        }
        sums
    }

    /// One step along the gradient over all data; its loss before that.
    pub fn learn(&mut self, sums: &[i64]) -> f64 {
        let mean = |sum: i64| sum as f64 / UNIT / SAMPLES as f64;
        for (weight, sum) in self.weights.iter_mut().zip(sums) {
            *weight -= RATE * mean(*sum);
        }
        mean(sums[LOSS])
    }

    /// The weights bit by bit.
    pub fn to_words(&self) -> [i64; WEIGHTS] {
        self.weights.map(|weight| i64::from_ne_bytes(weight.to_ne_bytes()))
    }

    /// The weights of these bits.
    pub fn from_words(words: [i64; WEIGHTS]) -> Self {
        Self { weights: words.map(|word| f64::from_ne_bytes(word.to_ne_bytes())) }
    }

    /// What tells this model from every other one (FNV-1a).
    pub fn fingerprint(&self) -> u64 {
        let bytes = self.weights.iter().flat_map(|weight| weight.to_le_bytes());
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

fn whole(part: f64) -> i64 {
    (part * UNIT) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(workers: usize, steps: usize) -> (Model, f64) {
        let shards: Vec<Shard> = (0..workers).map(|rank| Shard::of(rank, workers)).collect();
        let (mut model, mut loss) = (Model::default(), f64::MAX);
        for _ in 0..steps {
            let mut sums = vec![0; WEIGHTS + 1];
            for shard in shards.iter().rev() {
                sums.iter_mut().zip(model.gradient(shard)).for_each(|(sum, part)| *sum += part);
            }
            loss = model.learn(&sums);
        }
        (model, loss)
    }

    #[test]
    fn any_number_of_workers_learns_the_same_to_the_last_bit() {
        let (alone, loss) = trained(1, 60);
        assert!(loss < 1e-3, "it learns: {loss}");
        for workers in [2, 3, 8] {
            assert_eq!(trained(workers, 60).0.fingerprint(), alone.fingerprint(), "{workers} workers");
        }
        assert_ne!(trained(1, 59).0.fingerprint(), alone.fingerprint());
    }

    #[test]
    fn a_model_survives_its_way_in_words() {
        let (model, _) = trained(1, 3);
        assert_eq!(Model::from_words(model.to_words()), model);
    }

    /// Printed by the example's README.
    #[test]
    fn the_result_is_the_one_that_the_readme_shows() {
        const STEPS: usize = 120;
        let readme = include_str!("../../../../../examples/training-jobset/README.md");
        let shown = format!("training finished: model {:016x}", trained(1, STEPS).0.fingerprint());
        assert!(readme.contains(&shown), "{shown}");
    }
}
