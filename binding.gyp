{
  'targets': [
    {
      'target_name': 'attribution_bottleneck',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake_js',
          'message': 'The build itself is in CMakeLists.txt',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(PRODUCT_DIR)/always'],
          'action': ['node', 'scripts/setup/cmake-js.mjs']
        }
      ]
    }
  ]
}
