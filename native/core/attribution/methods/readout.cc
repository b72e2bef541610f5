#include "bottleneck/readout.h"

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "bottleneck/loss.h"
#include "network/precision.h"
#include "runtime/reused_memory.h"

namespace iba {

namespace {

class ReadoutMethod : public Method {
 public:
  explicit ReadoutMethod(const MethodContext& context)
      : network_(context.network),
        readout_(*context.resources.readout),
        readout_network_(readout_.network.to(precision_of(network_))),
        conventions_(conventions_of(readout_.preset)),
        keeps_capacity_(context.options.flag("keepCapacity")),
        keeps_logits_(context.options.flag("keepLogits")),
        bottleneck_(context.network, readout_) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    ReusedMemory reused;
    Steps steps(batch, batch.size());
    Targets targets;
    std::vector<Attribution> attributions;
    std::vector<Tensor> information;  // of each image; a device keeps them
    for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      auto reading = bottleneck_.read(batch.images.slice(0, begin, end));
      choose_targets(network_, batch, begin, reading.logits, targets);
      for_each_run(end - begin, kReadoutNetworkRows, [&](int64_t first, int64_t last) {
        Tensor alpha = bottleneck_.alpha(reading, first, last, readout_network_);
        // One after the other, so that what is computed stays in the processor's caches.
        for (int64_t i = first; i < last; ++i) {
          steps.check();
          attributions.push_back(targets.attribution(begin + i));
          read_out(reading, i, alpha.narrow(0, i - first, 1), batch.requests[begin + i].seed,
                   batch.image_size(), attributions.back(), information);
          steps.finish();
        }
      });
    });
    Tensor found = at::cat(information).cpu();
    for (size_t b = 0; b < attributions.size(); ++b)
      attributions[b].series = {{"information", {found[static_cast<int64_t>(b)].item<double>()}}};
    return attributions;
  }

  std::string unit() const override { return conventions_.unit; }

 private:
  /// Fills in the attribution of the i-th image of a reading.
  void read_out(const ReadoutBottleneck::Reading& reading, int64_t i, const Tensor& alpha, uint64_t seed,
                std::array<int64_t, 2> image_size, Attribution& attribution,
                std::vector<Tensor>& information) const {
    const Cut& cut = bottleneck_.cut();
    Tensor row = at::full({1}, i, at::TensorOptions(alpha.device()).dtype(at::kLong));
    BottleneckLoss loss(cut, bottleneck_.layer(), reading.values[cut.at()].narrow(0, i, 1),
                        keeps_logits_ ? cut.select(reading.values, row) : Values());
    auto terms = loss.information(bottleneck_.layer().mask(alpha));
    Tensor capacity = terms.capacity[0].permute({2, 0, 1});
    attribution.map = conventions_.readout_map(capacity, image_size);
    information.push_back(terms.information);
    if (keeps_capacity_) attribution.tensors.emplace_back("capacity", capacity.cpu().contiguous());
    if (keeps_logits_) {
      std::vector<NoiseStream> streams = {{seed, alpha.device()}};
      loss.add_outputs(terms, {bottleneck_.layer().draw_noise(streams, 1)});
      attribution.tensors.emplace_back("logits", terms.outputs[0].cpu());
    }
  }

  const Network& network_;
  const Readout& readout_;
  ReadoutNetwork readout_network_;  // in the precision of the network
  const Conventions& conventions_;
  bool keeps_capacity_;
  bool keeps_logits_;
  ReadoutBottleneck bottleneck_;
};

}  // namespace

MethodEntry readout_method() {
  return {"readout",
          "the information that a trained network lets pass a layer, in bits; one pass for a map",
          "Schulz et al. 2020, section 3.3",
          {rows_option(kReadoutRows),
           flag_option("keepCapacity", "return the capacity of every neuron as well", false),
           flag_option("keepLogits", "return what the network recognises behind the bottleneck", false)},
          make_method<ReadoutMethod>,
          {Resource::readout},
          {.cpu = 16, .cuda = 16}};
}

}  // namespace iba
